"""The jobs from RAW to GOLD over a lake in a folder: what they promise of a batch."""

from __future__ import annotations

import pyarrow.parquet as pq

from features.contract import CONTRACTS
from features.values import cents
from glue.jobs import silver_to_gold
from glue.tables import BRONZE, GOLD, SILVER
from tests.spark.bank import GOOD, HEADER, Bank, payment


def test_a_batch_goes_from_raw_to_gold_and_everything_is_told(bank):
    bank.pay("b1", *(payment(n, day=1 + n % 3) for n in range(12)), payment(12, amount="many"))
    bank.put("loan_applications", "b1", "l.csv", "loan_id,customer_id,applied_at,amount\nl1,c1,2018-04-09,500\n")
    bank.take_in("b1")
    bank.to_gold("b1")

    assert len(bank.rows(GOLD["transaction_features"])) == len(bank.silver()) == 12
    assert [row["loan_id"] for row in bank.rows(GOLD["loan_features"])] == ["l1"]
    assert bank.reasons() == {"t12": ["unreadable_amount"]}
    assert bank.catalog.partitions["transaction_features"] == {("2018-04-01",), ("2018-04-02",), ("2018-04-03",)}
    assert sorted(bank.cloudwatch.points) == [
        ("GateFailed", "", 0.0),
        ("GateFailed", "", 0.0),
        ("GateFailed", "loan_applications", 0.0),
        ("GateFailed", "loan_features", 0.0),
        ("GateFailed", "transaction_features", 0.0),
        ("GateFailed", "transactions", 0.0),
        ("QuarantinedShare", "loan_applications", 0.0),
        ("QuarantinedShare", "transactions", 1 / 13),
    ]
    for table in ("transactions", "loan_applications", "transaction_features", "loan_features"):
        assert bank.json(f"quality/gate/{table}/b1.json")["failed"] == []
        assert (bank.root / f"quality/gate/{table}/b1.html").read_text().startswith("<!DOCTYPE html>")


def footers(paths):
    return [pq.ParquetFile(path).metadata for path in paths]


def test_a_small_partition_is_one_file_sorted_with_statistics(bank):
    bank.pay("b1", *(payment(n, day=1 + n % 2) for n in range(40)))
    bank.take_in("b1")
    bank.to_gold("b1")

    for table in (BRONZE["transactions"], SILVER["transactions"], GOLD["transaction_features"]):
        paths = bank.files(f"{table.prefix}/")
        assert len({path.parent for path in paths}) == len(paths) > 0
        for path, footer in zip(paths, footers(paths), strict=True):
            keys = [tuple(row[k] for k in table.key) for row in pq.ParquetFile(path).read().to_pylist()]
            assert keys == sorted(keys)
            position = footer.schema.names.index(table.key[0])
            statistics = footer.row_group(0).column(position).statistics
            assert (statistics.min, statistics.max) == (min(keys)[0], max(keys)[0])
            assert footer.row_group(0).column(position).compression == "ZSTD"


def test_a_large_partition_is_several_files_of_a_limited_number_of_rows(spark, tmp_path):
    bank = Bank(spark, tmp_path, rows_per_file=15)
    bank.pay("b1", *(payment(n) for n in range(40)))
    bank.take_in("b1")

    assert sorted(footer.num_rows for footer in footers(bank.files("silver/"))) == [10, 15, 15]


def test_a_card_number_is_nowhere_behind_raw(bank):
    card = "4111111111111111"
    ragged = f"t22,2018-04-02,{card},m1"
    bank.pay("b1", *GOOD, payment(20, customer=card), ragged)
    bank.take_in("b1")

    bad = bank.quarantined("transactions")
    assert [row["reasons"] for row in bad] == [["pan_like_customer_id"], ["ragged_row"]]
    assert (bad[0]["customer_id"], bad[1]["line"]) == ("****1111", "t22,2018-04-02,****1111,m1")
    for path in bank.files(""):
        assert path.parts[len(bank.root.parts)] == "raw" or card.encode() not in path.read_bytes()


def test_what_spark_leaves_beside_its_files_is_named_and_does_not_stop_the_batch(bank, capsys):
    bank.pay("b1", *GOOD)
    for name in ("_SUCCESS", ".payments.csv.crc", "_temporary/0/part-0.csv"):
        bank.put("transactions", "b1", name, b"")
    bank.put("loan_applications", "b1", "_SUCCESS", b"")
    bank.take_in("b1")

    hidden = [".payments.csv.crc", "_SUCCESS", "_temporary/0/part-0.csv"]
    told = bank.json("quality/raw_to_bronze/b1.json")
    assert len(bank.silver()) == 20
    assert (list(told), told["transactions"]["files"], told["transactions"]["not_read"]) == (
        ["transactions"],
        1,
        hidden,
    )
    printed = capsys.readouterr().out
    assert f"transactions: batch b1 has objects that are no data, not read: {', '.join(hidden)}" in printed
    assert "loan_applications: batch b1 has objects that are no data, not read: _SUCCESS" in printed


def test_a_partition_that_was_written_before_a_column_was_declared_is_read_with_the_column_empty(bank):
    bank.pay("b1", *GOOD)
    bank.take_in("b1")
    (path,) = bank.files("silver/transactions/")
    # Spark writes its own schema beside Parquet's: an older file has the column in neither.
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["ip"]).replace_schema_metadata(None), path)
    bank.put("transactions", "b2", "more.csv", f"{HEADER},ip\n{payment(30, day=3)},10.0.0.1\n{payment(0)},\n")
    bank.take_in("b2")
    bank.to_gold("b2")

    rows = bank.lake.read(bank.spark, SILVER["transactions"]).select("transaction_id", "ip", "batch").collect()
    assert {row["ip"] for row in rows if row["batch"] == "b1"} == {None}
    assert [(row["transaction_id"], row["ip"]) for row in rows if row["batch"] == "b2"] == [("t30", "10.0.0.1")]
    assert bank.reasons() == {"t0": ["already_ingested"]}


def test_cells_of_lenient_columns_that_cannot_be_read_are_counted_in_the_report_and_told(bank, capsys):
    told = [f"{payment(n)},{'north' if n < 3 else '53.35'},{'perhaps' if n == 7 else 1},chip" for n in range(8)]
    bank.put("transactions", "b1", "p.csv", "\n".join((f"{HEADER},latitude,authorised,entry_mode", *told)) + "\n")
    bank.take_in("b1")

    report = bank.json("quality/raw_to_bronze/b1.json")["transactions"]
    assert (report["written"], report["unread"]) == (8, {"latitude": 3, "authorised": 1})
    assert (
        "transactions: batch b1 has 3 cells of latitude that cannot be read, they are missing"
        in capsys.readouterr().out
    )
    rows = bank.rows(SILVER["transactions"])
    assert [row["latitude_microdegrees"] for row in rows] == [None] * 3 + [53_350_000] * 5
    assert {row["entry_mode"] for row in rows} == {"chip"}


def test_days_that_lie_far_apart_are_made_without_those_between(bank):
    """A payment of 1970. What lies between is a file that cannot be read at all."""
    bank.pay("b1", payment(1), payment(2).replace("2018", "1970"))
    bank.take_in("b1")
    between = bank.root / "silver/transactions/event_date=1990-01-01/batch=b0/part.parquet"
    between.parent.mkdir(parents=True)
    between.write_text("no Parquet")
    asked = {"transaction_features": ["1970-04-02", "2018-04-02"], "loan_features": []}
    silver_to_gold.run(bank.spark, bank.lake, "apart", asked, bank.metrics)

    assert {row["event_time"].year for row in bank.rows(GOLD["transaction_features"])} == {1970, 2018}


def test_days_within_reach_of_each_other_are_one_stretch():
    days = ["2018-04-02", "2018-03-01", "2018-06-30", "2018-04-02"]

    assert silver_to_gold.stretches(days) == [["2018-03-01", "2018-04-02"], ["2018-06-30"]]
    assert silver_to_gold.stretches([]) == []


def test_an_amount_with_an_exponent_is_the_amount_that_the_doors_read(bank):
    bank.pay("b1", payment(1, amount="1e3"))
    bank.take_in("b1")

    assert [row["amount_cents"] for row in bank.rows(SILVER["transactions"])] == [cents("1e3")] == [100_000]


def test_a_payment_to_an_unknown_merchant_gets_on_and_finds_no_history_of_it(bank):
    bank.pay("b1", *(payment(n, day=2, merchant="known") for n in range(4)))
    bank.take_in("b1")
    bank.pay("b2", payment(8, day=9, merchant="known"), payment(9, day=9, merchant="new"))
    bank.take_in("b2")
    bank.to_gold("b2")

    assert bank.quarantined("transactions") == []
    vectors = {row["transaction_id"]: row for row in bank.rows(GOLD["transaction_features"])}
    counts = {i: vectors[i]["merchant_payment_count_30d"] for i in ("t8", "t9")}
    assert (counts, vectors["t9"]["is_new_merchant"]) == ({"t8": 4.0, "t9": 0.0}, 1.0)


def test_an_entity_without_a_file_is_skipped(bank):
    bank.pay("b1", payment(1))
    bank.take_in("b1")

    assert list(bank.json("quality/raw_to_bronze/b1.json")) == ["transactions"]
    assert not any(bank.files(f"silver/{entity}") for entity in CONTRACTS if entity != "transactions")
