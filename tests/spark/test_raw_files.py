"""RAW files: every row's origin, and errors that name file, column, what was expected and what came."""

from __future__ import annotations

import pytest

from glue.raw import ContractBroken, read_raw, with_row_number
from tests.spark.rows import TRANSACTIONS, payment

HEADER = ",".join(payment())


@pytest.fixture
def folder(tmp_path):
    def write(name: str, *lines: str) -> str:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write


def csv_row(number: int) -> str:
    return f"t{number:05d},2018-04-02T09:30:00Z,c1,m1,12.50"


def test_all_cells_are_text_and_every_row_knows_where_it_came_from(spark, folder):
    uri = folder("a.csv", HEADER, csv_row(1), csv_row(2))

    first, second = read_raw(spark, [uri], TRANSACTIONS).sort("row_number").collect()
    assert (first.transaction_id, first.amount, first.source_file, first.row_number) == ("t00001", "12.50", uri, 1)
    assert (second.transaction_id, second.row_number) == ("t00002", 2)


def test_quotes_commas_and_letters_of_any_language_survive(spark, folder):
    uri = folder("a.csv", HEADER, '"t ""1"", a",2018-04-02,Zoë,"m,1",1')

    row = read_raw(spark, [uri], TRANSACTIONS).first()
    assert (row.transaction_id, row.customer_id, row.merchant_id) == ('t "1", a', "Zoë", "m,1")


def test_parquet_and_csv_of_one_batch_are_read_together_and_numbered_apart(spark, folder, tmp_path):
    parquet = str(tmp_path / "b.parquet")
    spark.createDataFrame([payment(transaction_id="t9", colour="red")]).coalesce(1).write.parquet(parquet)
    rows = read_raw(spark, [folder("a.csv", HEADER, csv_row(1)), parquet], TRANSACTIONS).collect()

    assert {(r.transaction_id, r.row_number, r.colour) for r in rows} == {("t00001", 1, None), ("t9", 1, "red")}


def test_numbers_of_a_parquet_file_become_text(spark, tmp_path):
    uri = str(tmp_path / "a.parquet")
    spark.createDataFrame([{**payment(), "transaction_id": 7, "amount": 12.5}]).coalesce(1).write.parquet(uri)

    row = read_raw(spark, [uri], TRANSACTIONS).first()
    assert (row.transaction_id, row.amount) == ("7", "12.5")


def test_rows_are_numbered_through_all_partitions_of_a_file(spark, folder):
    uri = folder("a.csv", HEADER, *(csv_row(n) for n in range(1, 2001)))
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "16000")
    try:
        rows = read_raw(spark, [uri], TRANSACTIONS)
        assert rows.rdd.getNumPartitions() > 3
        numbered = {r.transaction_id: r.row_number for r in rows.collect()}
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", before)

    assert numbered == {f"t{n:05d}": n for n in range(1, 2001)}


def test_empty_partitions_take_no_numbers(spark):
    rows = spark.range(0, 8, 1, numPartitions=8).where("id % 3 = 1")

    assert [(r.id, r.row_number) for r in with_row_number(rows).sort("id").collect()] == [(1, 1), (4, 2), (7, 3)]


def test_a_file_without_rows_is_no_error(spark, folder):
    assert read_raw(spark, [folder("a.csv", HEADER)], TRANSACTIONS).collect() == []


def refusal(spark, uri: str) -> str:
    with pytest.raises(ContractBroken) as refused:
        read_raw(spark, [uri], TRANSACTIONS).collect()
    return str(refused.value)


def test_missing_columns_are_named_with_the_file_what_is_needed_and_what_it_has(spark, folder):
    uri = folder("a.csv", "transaction_id,event_time,when,amount", "t1,2018-04-02,x,1")

    assert refusal(spark, uri) == (
        f"{uri}: column customer_id, merchant_id is missing; transactions needs "
        "transaction_id, event_time, customer_id, merchant_id, amount; "
        "the file has transaction_id, event_time, when, amount"
    )


def test_a_file_that_is_no_parquet_is_named(spark, folder):
    uri = folder("a.parquet", "this is text")

    assert refusal(spark, uri).startswith(f"{uri}: cannot be read as parquet: ")


def test_a_file_of_another_kind_is_named_with_the_kinds_that_are_read(spark, folder):
    uri = folder("a.xlsx", "x")

    assert refusal(spark, uri) == f"{uri}: expected a file ending in .parquet or .csv"
