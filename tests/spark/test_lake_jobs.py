"""The jobs from RAW to GOLD over a lake in a folder: what they promise of a batch, run once, again, out of order."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from bench.folder_lake import FolderLake, Objects
from features.contract import CONTRACTS
from features.values import cents
from glue.jobs import bronze_to_silver, raw_to_bronze, silver_to_gold
from glue.lake import HalfReplaced
from glue.quality import GateFailed
from glue.quarantine import NotAllRows
from glue.raw import ContractBroken
from glue.tables import BRONZE, GOLD, SILVER

HEADER = "transaction_id,event_time,customer_id,merchant_id,amount"


@pytest.fixture
def bank(spark, tmp_path):
    return Bank(spark, tmp_path)


class Bank(FolderLake):
    """Jobs of one lake. Each run starts without what an earlier one has cached: a job has a session of its own."""

    def to_bronze(self, batch: str) -> None:
        self.spark.catalog.clearCache()
        raw_to_bronze.run(self.spark, self.lake, batch)

    def to_silver(self, batch: str) -> None:
        self.spark.catalog.clearCache()
        bronze_to_silver.run(self.spark, self.lake, batch, self.metrics)

    def to_gold(self, batch: str) -> None:
        self.spark.catalog.clearCache()
        silver_to_gold.run_batch(self.spark, self.lake, batch, self.metrics)

    def take_in(self, batch: str) -> None:
        self.to_bronze(batch)
        self.to_silver(batch)

    def pay(self, batch: str, *rows: str, name: str = "payments.csv") -> None:
        self.put("transactions", batch, name, "\n".join((HEADER, *rows)) + "\n")

    def silver(self) -> dict[str, str]:
        """Payments of SILVER by identifier, each with the batch that brought it. Fails when one is there twice."""
        found = {}
        for path in self.files("silver/transactions/"):
            batch = path.parent.name.partition("=")[2]
            for row in pq.ParquetFile(path).read().to_pylist():
                assert row["transaction_id"] not in found
                found[row["transaction_id"]] = batch
        return found

    def reasons(self) -> dict[str, list[str]]:
        return {row["transaction_id"]: row["reasons"] for row in self.quarantined("transactions")}


def payment(number: int, day: int = 2, amount: object = "1.00", customer: str = "c1", merchant: str = "") -> str:
    return f"t{number},2018-04-{day:02d}T09:30:00Z,{customer},{merchant or f'm{number % 3}'},{amount}"


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


def test_a_run_that_is_repeated_leaves_the_same_bytes_in_every_layer(bank):
    bank.pay("b1", *(payment(n, day=1 + n % 3) for n in range(30)), payment(3), payment(31, amount="x"))
    bank.pay("b1", *(payment(n, day=4) for n in range(40, 60)), name="more.csv")

    def after_all_jobs() -> dict:
        bank.take_in("b1")
        bank.to_gold("b1")
        reports = {path.name: path.read_bytes() for path in bank.files("quality/") if "gate" not in path.parts}
        return {zone: bank.contents(zone) for zone in ("bronze/", "silver/", "gold/", "quarantine/")} | reports

    first = after_all_jobs()
    assert all(first.values())
    assert after_all_jobs() == first


def broken_batch(bank) -> None:
    bank.pay("b1", *(payment(n) for n in range(8)))
    bank.take_in("b1")
    bank.to_gold("b1")
    bank.cloudwatch.points.clear()


def test_a_batch_beyond_its_failure_budget_is_not_written_and_raises_the_alarm(bank):
    broken_batch(bank)
    before = bank.contents("silver/")
    bank.pay("b2", *(payment(n) for n in range(20, 28)), payment(28, amount="many"))
    bank.put("loan_applications", "b2", "l.csv", "loan_id,customer_id,applied_at\nl1,c1,2018-04-09\n")
    bank.to_bronze("b2")

    with pytest.raises(GateFailed, match=r"transactions: 11\.1% of the rows went to quarantine, the budget is 10%"):
        bank.to_silver("b2")
    assert bank.contents("silver/") == before, "the batch is written whole or not at all"
    assert {p for p in bank.cloudwatch.points if p[0] == "GateFailed"} == {
        ("GateFailed", "", 1.0),
        ("GateFailed", "loan_applications", 0.0),
        ("GateFailed", "transactions", 1.0),
    }
    assert ("QuarantinedShare", "transactions", 1 / 9) in bank.cloudwatch.points
    assert bank.json("quality/gate/transactions/b2.json")["failed"]


def test_many_repetitions_do_not_hide_that_the_new_rows_are_bad(bank):
    broken_batch(bank)
    bank.pay("b2", *(payment(n) for n in range(8)), payment(20), payment(21, amount="many"))
    bank.to_bronze("b2")

    with pytest.raises(GateFailed, match=r"transactions: 50\.0% of the rows went to quarantine"):
        bank.to_silver("b2")


def test_a_batch_of_which_no_row_can_be_read_does_not_pass_in_silence(bank):
    bank.pay("b1", *(payment(n, amount="many") for n in range(3)))
    bank.to_bronze("b1")

    with pytest.raises(GateFailed, match=r"100\.0% of the rows went to quarantine"):
        bank.to_silver("b1")


def test_rows_that_break_a_rule_of_the_suite_are_not_written(bank):
    """BRONZE that an earlier version of the code wrote: amounts that the suite does not take."""
    bank.pay("b1", *(payment(n) for n in range(5)))
    bank.take_in("b1")
    before = bank.contents("silver/")
    (path,) = bank.files("bronze/transactions/")
    table = pq.ParquetFile(path).read()
    negative = table.set_column(table.column_names.index("amount_cents"), "amount_cents", [[-5] * table.num_rows])
    pq.write_table(negative, path)

    with pytest.raises(GateFailed, match="`amount_cents` >= 0: 5 of 5 rows do not"):
        bank.to_silver("b1")
    assert bank.contents("silver/") == before


def test_vectors_that_do_not_pass_leave_gold_as_it_is(bank):
    """A SILVER file that somebody has changed behind the jobs' back: the same payment twice."""
    broken_batch(bank)
    before = bank.contents("gold/")
    (path,) = bank.files("silver/transactions/")
    (path.parent / "copy.parquet").write_bytes(path.read_bytes())

    with pytest.raises(GateFailed, match="one row per transaction_id: 8 keys have several"):
        bank.to_gold("b1")
    assert bank.contents("gold/") == before
    assert ("GateFailed", "transaction_features", 1.0) in bank.cloudwatch.points
    assert ("GateFailed", "", 1.0) in bank.cloudwatch.points


def test_a_batch_that_is_not_in_bronze_ends_the_job_with_what_to_run(bank):
    with pytest.raises(bronze_to_silver.NotTakenIn, match="run raw_to_bronze --batch b7 first"):
        bank.to_silver("b7")


def rerun_with(bank, *rows: str) -> None:
    """The same batch again, as after a fix of the code that read it."""
    bank.pay("b1", *rows)
    bank.take_in("b1")


def test_bronze_that_is_not_what_raw_to_bronze_has_written_ends_the_job_with_what_to_run(bank):
    bank.pay("b1", *(payment(n) for n in range(5)))
    bank.to_bronze("b1")
    (path,) = bank.files("bronze/transactions/")
    (path.parent / "copy.parquet").write_bytes(path.read_bytes())

    with pytest.raises(bronze_to_silver.NotTakenIn, match=r"holds 10 rows of transactions .* has written 5: run raw"):
        bank.to_silver("b1")
    assert bank.files("silver/") == []


def test_rows_that_are_neither_written_nor_set_aside_end_the_job(bank, monkeypatch):
    """As if a reason were unknown: such a row is neither good nor bad."""
    split = raw_to_bronze.split_by_reasons

    def forgetful(rows, contract):
        lost = F.when(F.col("transaction_id") != "t3", F.col("reasons"))
        return split(rows.withColumn("reasons", lost), contract)

    monkeypatch.setattr(raw_to_bronze, "split_by_reasons", forgetful)
    bank.pay("b1", *(payment(n) for n in range(5)), payment(5, amount="many"))

    with pytest.raises(NotAllRows, match="transactions of batch b1: 6 rows came, 4 got on and 1 were set aside"):
        bank.to_bronze("b1")
    assert not (bank.root / "quality/raw_to_bronze/b1.json").exists()


GOOD = [payment(n) for n in range(20)]


def test_rows_leave_quarantine_and_enter_silver_once_when_their_batch_is_run_again(bank):
    rerun_with(bank, *GOOD, payment(20, amount="many"), payment(0))
    assert bank.reasons() == {"t20": ["unreadable_amount"], "t0": ["duplicate"]}

    rerun_with(bank, *GOOD, payment(20))
    assert bank.quarantined("transactions") == []
    assert list(bank.silver()) == sorted(f"t{n}" for n in range(21))


def test_rows_that_are_corrected_in_a_later_batch_enter_silver_once(bank):
    rerun_with(bank, *GOOD, payment(20, amount="many"))
    bank.pay("b2", payment(19), payment(20))
    bank.take_in("b2")

    assert bank.silver() == dict.fromkeys((f"t{n}" for n in range(20)), "b1") | {"t20": "b2"}
    assert [r["reasons"] for r in bank.quarantined("transactions")] == [["unreadable_amount"], ["already_ingested"]]


@pytest.mark.parametrize("order", [("b1", "b2", "b1"), ("b2", "b1", "b2"), ("b1", "b2", "b2", "b1")])
def test_a_key_stays_with_the_batch_that_brought_it_first_however_often_batches_are_run(bank, order):
    bank.pay("b1", payment(1), payment(2))
    bank.pay("b2", payment(2), payment(3))
    for batch in order:
        bank.take_in(batch)

    first = order[0]
    assert bank.silver() == {"t1": "b1", "t2": first, "t3": "b2"}


def test_a_partition_that_a_batch_no_longer_writes_disappears_from_files_and_catalog(bank):
    rerun_with(bank, *GOOD, payment(20, day=5))
    bank.to_gold("b1")
    rerun_with(bank, *GOOD)
    bank.to_gold("b1")

    assert {row["event_time"].day for row in bank.rows(SILVER["transactions"])} == {2}
    assert {row["event_time"].day for row in bank.rows(GOLD["transaction_features"])} == {2}
    assert bank.catalog.partitions["transactions"] == {("b1",), ("2018-04-02", "b1")}
    assert bank.catalog.partitions["transaction_features"] == {("2018-04-02",)}
    assert bank.json("quality/bronze_to_silver/b1.json")["transactions"]["emptied"] == ["2018-04-05"]


class Dying(Objects):
    """S3 that is gone when something is to be deleted."""

    def delete_objects(self, **request) -> dict:
        raise ConnectionError("the job is no more")


def test_what_an_interrupted_replacement_has_left_gets_no_further_until_it_is_run_again(bank):
    rerun_with(bank, *GOOD, payment(20, day=5))
    bank.to_gold("b1")
    before = bank.contents("gold/")
    dying = replace(bank.lake, s3=Dying(bank.root))
    with pytest.raises(ConnectionError):
        bronze_to_silver.run(bank.spark, dying, "b1", bank.metrics)
    assert len(bank.rows(SILVER["transactions"])) == 2 * 21

    bank.pay("b2", payment(30, day=5))
    bank.to_bronze("b2")
    for job in (lambda: bank.to_gold("b1"), lambda: bank.to_silver("b2"), lambda: made(bank, "2018-04-05")):
        with pytest.raises(HalfReplaced, match=r"event_date=2018-04-0\d/batch=b1.* run bronze_to_silver --batch b1$"):
            job()
    assert bank.contents("gold/") == before

    bank.to_silver("b1")
    bank.to_silver("b2")
    bank.to_gold("b2")
    assert len(bank.silver()) == len(bank.rows(GOLD["transaction_features"])) == 22
    assert not list(bank.root.rglob("_replacing-*"))


def test_days_of_gold_that_are_half_replaced_are_not_read_and_others_are(bank):
    rerun_with(bank, *GOOD, payment(20, day=5))
    bank.to_gold("b1")
    dying = replace(bank.lake, s3=Dying(bank.root))
    asked = {"transaction_features": ["2018-04-05"], "loan_features": []}
    with pytest.raises(ConnectionError):
        silver_to_gold.run(bank.spark, dying, "range", asked, bank.metrics)

    table = GOLD["transaction_features"]
    assert bank.lake.read_any(bank.spark, table, ["2018-04-02"]).count() == 20
    with pytest.raises(HalfReplaced, match="run silver_to_gold --from 2018-04-05 --to 2018-04-05"):
        bank.lake.read(bank.spark, table)
    made(bank, "2018-04-02")
    with pytest.raises(HalfReplaced):
        bank.lake.read(bank.spark, table)
    made(bank, "2018-04-05")
    assert bank.lake.read_any(bank.spark, table).count() == 21


def made(bank, *days: str) -> None:
    bank.spark.catalog.clearCache()
    silver_to_gold.run(
        bank.spark, bank.lake, "range", {"transaction_features": list(days), "loan_features": []}, bank.metrics
    )


def test_a_day_whose_rows_have_left_is_emptied_when_its_range_is_made_again(bank):
    rerun_with(bank, *GOOD, payment(20, day=5))
    bank.to_gold("b1")
    rerun_with(bank, *GOOD)
    made(bank, "2018-04-02", "2018-04-05")

    assert {row["event_time"].day for row in bank.rows(GOLD["transaction_features"])} == {2}
    report = bank.json("quality/silver_to_gold/range.json")
    assert (report["rows"], report["transaction_features"]) == ({"transaction_features": 20, "loan_features": 0}, 20)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (
            "silver",
            "SILVER has no transactions of it, though batch b1 has brought some: run bronze_to_silver --batch b1",
        ),
        (
            "all",
            "SILVER has no transactions of it, and no batch has taken any back: bring it to SILVER, or ask for other",
        ),
    ],
)
def test_a_day_that_silver_has_lost_or_never_had_is_not_emptied(bank, lost, said):
    rerun_with(bank, *GOOD, payment(20, day=5))
    bank.to_gold("b1")
    before = bank.contents("gold/")
    shutil.rmtree(bank.root / "silver/transactions/event_date=2018-04-05")
    if lost == "all":
        (bank.root / "quality/bronze_to_silver/b1.json").unlink()

    with pytest.raises(silver_to_gold.NotInSilver, match=f"GOLD holds transaction_features of 2018-04-05 and {said}"):
        made(bank, "2018-04-02", "2018-04-05")
    assert bank.contents("gold/") == before
    made(bank, "2018-04-02", "2018-04-06")


def test_a_payment_that_gets_no_vector_ends_the_job(bank, monkeypatch):
    """As if a join lost it."""
    broken_batch(bank)
    before = bank.contents("gold/")
    vectors = silver_to_gold.transaction_features
    monkeypatch.setattr(
        silver_to_gold, "transaction_features", lambda *args: vectors(*args).where("transaction_id <> 't3'")
    )

    with pytest.raises(NotAllRows, match="transaction_features of b1: 8 rows came, 7 got on and 0 were set aside"):
        bank.to_gold("b1")
    assert bank.contents("gold/") == before


def test_other_batches_of_a_day_stay_when_one_is_run_again(bank):
    bank.pay("b2", payment(30))
    bank.take_in("b2")
    before = bank.contents("silver/transactions/event_date=2018-04-02/batch=b2")
    rerun_with(bank, *GOOD)
    rerun_with(bank, *GOOD[:3])

    assert bank.contents("silver/transactions/event_date=2018-04-02/batch=b2") == before
    assert len(bank.silver()) == 4


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


def test_a_parquet_file_that_is_damaged_inside_ends_the_job_with_its_name(bank):
    path = bank.put("transactions", "b1", "a.parquet", b"")
    names = HEADER.split(",")
    pq.write_table(pa.table({name: [f"{name}-{n}" for n in range(500)] for name in names}), path, compression="snappy")
    content = bytearray(path.read_bytes())
    content[4:2000] = b"\xff" * 1996
    path.write_bytes(content)

    with pytest.raises(ContractBroken, match=r"transactions of batch b1 cannot be read: .*a\.parquet"):
        bank.to_bronze("b1")
    assert bank.files("bronze/") == []


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


def test_a_batch_that_spark_would_write_to_another_folder_is_not_written(bank):
    bank.pay("2018-04-02T02:00", payment(1))

    with pytest.raises(ValueError, match="expected letters, digits"):
        bank.to_bronze("2018-04-02T02:00")
    assert bank.files("bronze/") == []


def test_an_entity_whose_file_a_batch_has_no_more_leaves_every_layer_when_the_batch_is_run_again(bank):
    file = bank.put(
        "loan_applications", "b1", "l.csv", "loan_id,customer_id,applied_at\nl1,c1,2018-04-09\nl2,c1,soon\n"
    )
    file.write_text(file.read_text() + "".join(f"k{n},c1,2018-04-09\n" for n in range(20)))
    rerun_with(bank, *GOOD)
    bank.to_gold("b1")
    assert len(bank.rows(GOLD["loan_features"])) == 21

    file.unlink()
    bank.to_bronze("b1")
    bank.to_bronze("b1")
    bank.to_silver("b1")
    bank.to_gold("b1")

    assert not any(bank.files(f"{zone}/loan_applications/") for zone in ("bronze", "silver", "quarantine"))
    assert bank.rows(GOLD["loan_features"]) == []
    assert bank.catalog.partitions["loan_applications"] == bank.catalog.partitions["loan_features"] == set()
    told = bank.json("quality/bronze_to_silver/b1.json")["loan_applications"]
    assert (told["rows"], told["written"], told["emptied"]) == (0, 0, ["2018-04"])
    assert len(bank.silver()) == 20, "the other entity stays"


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
