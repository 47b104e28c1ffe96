"""What stops a batch, and that nothing of it gets on."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from glue.jobs import bronze_to_silver, raw_to_bronze, silver_to_gold
from glue.quality import GateFailed
from glue.quarantine import NotAllRows
from glue.raw import ContractBroken
from glue.tables import BRONZE
from tests.spark.bank import HEADER, earlier_batch, payment


def test_a_batch_beyond_its_failure_budget_is_not_written_and_raises_the_alarm(bank):
    earlier_batch(bank)
    before = bank.contents("silver/")
    bank.pay("b2", *(payment(n) for n in range(20, 28)), payment(28, amount="many"))
    bank.to_bronze("b2")

    with pytest.raises(GateFailed, match=r"transactions: 11\.1% of the rows went to quarantine, the budget is 10%"):
        bank.to_silver("b2")
    assert bank.contents("silver/") == before
    assert {p for p in bank.cloudwatch.points if p[0] == "GateFailed"} == {
        ("GateFailed", "", 1.0),
        ("GateFailed", "transactions", 1.0),
    }
    assert ("QuarantinedShare", "transactions", 1 / 9) in bank.cloudwatch.points
    assert bank.json("quality/gate/transactions/b2.json")["failed"]


def test_many_repetitions_do_not_hide_that_the_new_rows_are_bad(bank):
    earlier_batch(bank)
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
    earlier_batch(bank)
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

    def forgetful(rows, contract, no_cards):
        lost = F.when(F.col("transaction_id") != "t3", F.col("reasons"))
        return split(rows.withColumn("reasons", lost), contract, no_cards)

    monkeypatch.setattr(raw_to_bronze, "split_by_reasons", forgetful)
    bank.pay("b1", *(payment(n) for n in range(5)), payment(5, amount="many"))

    with pytest.raises(NotAllRows, match="transactions of batch b1: 6 rows came, 4 got on and 1 were set aside"):
        bank.to_bronze("b1")
    assert not (bank.root / "quality/raw_to_bronze/b1.json").exists()


def test_a_payment_that_gets_no_vector_ends_the_job(bank, monkeypatch):
    """As if a join lost it."""
    earlier_batch(bank)
    before = bank.contents("gold/")
    vectors = silver_to_gold.transaction_features
    monkeypatch.setattr(
        silver_to_gold, "transaction_features", lambda *args: vectors(*args).where("transaction_id <> 't3'")
    )

    with pytest.raises(NotAllRows, match="transaction_features of b1: 8 rows came, 7 got on and 0 were set aside"):
        bank.to_gold("b1")
    assert bank.contents("gold/") == before


@pytest.mark.parametrize("damaged", ["its beginning", "its end"])
def test_a_parquet_file_that_is_damaged_inside_ends_the_job_with_its_name_and_leaves_bronze_as_it_was(bank, damaged):
    """Its beginning is looked at before all rows are read."""
    bank.pay("b1", payment(0))
    bank.to_bronze("b1")
    before = bank.contents("bronze/")
    mark = "bronze/transactions/_replacing-of-another-run.json"
    bank.lake.put_json(mark, ["batch=b1"])
    path = bank.put("transactions", "b1", "a.parquet", b"")
    rows = zip(*(payment(n).split(",") for n in range(200_000)), strict=True)
    pq.write_table(
        pa.table(dict(zip(HEADER.split(","), rows, strict=True))), path, compression="snappy", row_group_size=100_000
    )
    later = pq.ParquetFile(path).metadata.row_group(1).column(0)
    place = 4 if damaged == "its beginning" else later.dictionary_page_offset
    content = bytearray(path.read_bytes())
    content[place : place + 2000] = b"\xff" * 2000
    path.write_bytes(content)

    said = "" if damaged == "its beginning" else "transactions of batch b1 cannot be read: "
    with pytest.raises(ContractBroken, match=rf"nothing of batch b1 can be taken in\. {said}.*a\.parquet"):
        bank.to_bronze("b1")
    assert bank.contents("bronze/") == before
    assert bank.lake.begun(BRONZE["transactions"]) == {mark: ["batch=b1"]}


def test_a_batch_that_spark_would_write_to_another_folder_is_not_written(bank):
    bank.pay("2018-04-02T02:00", payment(1))

    with pytest.raises(ValueError, match="expected letters, digits"):
        bank.to_bronze("2018-04-02T02:00")
    assert bank.files("bronze/") == []
