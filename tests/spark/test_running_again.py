"""Jobs run again, out of order or interrupted: the lake ends as if each batch had been run once."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from bench.folder_lake import Objects
from glue.jobs import bronze_to_silver, silver_to_gold
from glue.lake import HalfReplaced
from glue.tables import GOLD, SILVER
from tests.spark.bank import GOOD, made, payment, rerun_with


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


@pytest.mark.parametrize("order", [("b2", "b1", "b2"), ("b1", "b2", "b2", "b1")])
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


def test_other_batches_of_a_day_stay_when_one_is_run_again(bank):
    bank.pay("b2", payment(30))
    bank.take_in("b2")
    before = bank.contents("silver/transactions/event_date=2018-04-02/batch=b2")
    rerun_with(bank, *GOOD)
    rerun_with(bank, *GOOD[:3])

    assert bank.contents("silver/transactions/event_date=2018-04-02/batch=b2") == before
    assert len(bank.silver()) == 4


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
