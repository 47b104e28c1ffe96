"""Payments that the doors have met come to RAW by night, each once, and as it came."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from glue import doors
from glue.doors import GATHERED, OVERLAP, gather, payers_ahead
from glue.raw import ContractBroken
from glue.tables import SILVER

NOW = datetime.now(UTC)
ARRIVED = 1_522_661_400_000  # 2018-04-02T09:30:00Z


def met(number: int, **told) -> dict:
    """A payment as a source sends it to a door."""
    return {
        "transaction_id": f"t{number}",
        "event_time": "2018-04-02T09:30:00Z",
        "customer_id": "c1",
        "merchant_id": "m1",
        "amount": "1200.50",
        **told,
    }


def log(bank, name: str, *payments: dict, day: str = "2018-04-02", put: datetime = NOW, arrived: int = ARRIVED) -> None:
    """An object of the decision log, as the stream door leaves it."""
    path = bank.root / "decisions" / f"decision_date={day}" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        {**{k: p[k] for k in ("transaction_id", "customer_id")}, "arrived_at": arrived + n, "event": json.dumps(p)}
        for n, p in enumerate(payments)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    os.utime(path, (put.timestamp(), put.timestamp()))


def night(bank, batch: str, now: datetime = NOW) -> dict:
    bank.spark.catalog.clearCache()
    return gather(bank.spark, bank.lake, batch, now)


def raw(bank, batch: str) -> list[dict]:
    files = bank.files(f"raw/door_payments/batch={batch}/")
    return [json.loads(line) for path in files for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_what_the_doors_have_logged_since_the_night_before_comes_to_raw_once_and_as_it_came(bank):
    first = met(1, note="ä\nb", card_present=True, amount=7)
    log(bank, "s-1", first, met(2))
    log(bank, "s-2", met(2), met(3), day="2018-03-30", arrived=ARRIVED + 10)  # came again in another cut, and late
    told = night(bank, "b1")
    log(bank, "s-3", met(4), put=NOW + timedelta(minutes=5))
    night(bank, "b2", NOW + timedelta(days=1))
    night(bank, "b3", NOW + timedelta(days=2))

    assert raw(bank, "b1") == [first, met(2), met(3)]
    assert raw(bank, "b2") == [met(4)]
    assert raw(bank, "b3") == []
    assert {name: told[name] for name in ("objects", "payments", "files")} == {"objects": 2, "payments": 3, "files": 1}


def test_nights_that_follow_each_other_within_the_hour_gather_nothing_twice(bank):
    log(bank, "s-1", met(1))
    night(bank, "b1")
    log(bank, "s-2", met(2), put=NOW + timedelta(minutes=5))
    night(bank, "b2", NOW + timedelta(minutes=6))
    night(bank, "b3", NOW + timedelta(minutes=7))
    night(bank, "b4", NOW + timedelta(minutes=8))

    assert [raw(bank, batch) for batch in ("b1", "b2", "b3", "b4")] == [[met(1)], [met(2)], [], []]


def test_an_object_that_is_listed_only_after_later_ones_is_found_by_the_next_night(bank):
    log(bank, "s-1", met(1))
    night(bank, "b1")
    log(bank, "s-0", met(0), put=NOW - OVERLAP / 2)

    night(bank, "b2", NOW + timedelta(minutes=1))

    assert raw(bank, "b2") == [met(0)]


def test_a_batch_that_is_run_again_keeps_what_it_has_gathered_and_one_that_was_stopped_gathers_anew(bank):
    log(bank, "s-1", met(1))
    night(bank, "b1")
    log(bank, "s-2", met(2), put=NOW + timedelta(minutes=5))
    night(bank, "b1", NOW + timedelta(days=1))
    assert raw(bank, "b1") == [met(1)]

    (bank.root / doors.LAST).unlink()
    night(bank, "b1", NOW + timedelta(days=1))
    assert bank.json(doors.LAST) == bank.json(GATHERED.format(batch="b1")), "a run was stopped between the two"

    (bank.root / GATHERED.format(batch="b1")).unlink()
    (bank.root / doors.LAST).unlink()
    night(bank, "b1", NOW + timedelta(days=1))
    assert raw(bank, "b1") == [met(1), met(2)]


def test_many_payments_are_a_few_files_in_the_order_in_which_they_arrived(bank):
    rows = bank.spark.createDataFrame([(f"line {n}",) for n in range(7)], "event string").coalesce(1)

    found = list(doors.files(rows, rows_per_file=3))

    assert [count for count, _ in found] == [3, 3, 1]
    assert b"".join(gzip.decompress(body) for _, body in found).decode().split() == [
        word for n in range(7) for word in ("line", str(n))
    ]


def test_what_was_logged_before_the_log_held_payments_whole_is_left_out(bank):
    path = bank.root / "decisions" / "decision_date=2018-04-02" / "old.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"transaction_id": "t1", "customer_id": "c1", "arrived_at": 1}\n')

    assert night(bank, "b1")["payments"] == 0
    assert not bank.files("raw/")


def test_a_payment_that_a_file_brings_too_is_the_doors_and_another_content_is_told(bank):
    log(bank, "s-1", met(1, channel="web"), met(2, channel="web"))
    night(bank, "b1")
    header = "transaction_id,event_time,customer_id,merchant_id,amount,channel\n"
    same = "t1,2018-04-02T09:30:00Z,c1,m1,1200.50,web\n"
    other = "t2,2018-04-02T09:30:00Z,c1,m1,1.00,web\n"
    own = "".join(f"t{n},2018-04-02T09:30:00Z,c1,m1,1.00,web\n" for n in range(10, 30))
    bank.put("transactions", "b1", "payments.csv", header + same + other + own)
    bank.take_in("b1")

    paid = {row["transaction_id"]: row["amount_cents"] for row in bank.rows(SILVER["transactions"])}
    assert (paid["t1"], paid["t2"], len(paid)) == (120_050, 120_050, 22)
    assert bank.reasons() == {"t1": ["duplicate"], "t2": ["conflicting_duplicate"]}


def test_what_is_declared_of_files_says_nothing_of_what_doors_have_met(bank):
    declared = {"transactions": {"columns": {"amount": {"format": "decimal_comma"}, "event_time": {"format": "dmy"}}}}
    (bank.root / "raw").mkdir(parents=True, exist_ok=True)
    (bank.root / "raw" / "columns.yaml").write_text(json.dumps(declared))
    log(bank, "s-1", met(1))
    night(bank, "b1")
    bank.put(
        "transactions",
        "b1",
        "payments.csv",
        'transaction_id,event_time,customer_id,merchant_id,amount\nt2,02/04/2018 09:30:00,c1,m1,"1200,50"\n',
    )
    bank.take_in("b1")

    rows = bank.rows(SILVER["transactions"])
    assert {row["transaction_id"]: row["amount_cents"] for row in rows} == {"t1": 120_050, "t2": 120_050}
    assert len({row["event_time"] for row in rows}) == 1


@pytest.mark.parametrize(("arrived", "known"), [(ARRIVED, {"c2"}), (ARRIVED + 86_400_000, set())])
def test_customers_whose_payments_were_logged_after_the_night_had_gathered_are_told_to_whoever_publishes(
    bank, arrived, known
):
    log(bank, "s-1", met(1))
    night(bank, "b1")
    bank.take_in("b1")
    log(bank, "s-2", met(2, customer_id="c2"), put=NOW + timedelta(minutes=1), arrived=arrived)

    for batch in ("b1", None):
        found = payers_ahead(bank.spark, bank.lake, batch, ARRIVED + 3_600_000)
        assert found is not None
        assert {row.customer_id for row in found.collect()} == known
    assert payers_ahead(bank.spark, bank.lake, "never gathered", ARRIVED) is None


def test_customers_whose_payments_lie_in_a_batch_that_was_refused_are_told_to_whoever_publishes(bank):
    log(bank, "s-1", met(1, customer_id="c7"))
    night(bank, "b1")
    bank.put("transactions", "b1", "payments.csv", "transaction_id,customer_id\nt9,c9\n")
    with pytest.raises(ContractBroken):
        bank.to_bronze("b1")
    log(bank, "s-2", met(2), put=NOW + timedelta(minutes=5))
    night(bank, "b2", NOW + timedelta(minutes=6))
    bank.take_in("b2")

    found = payers_ahead(bank.spark, bank.lake, "b2", ARRIVED)

    assert found is not None
    assert {row.customer_id for row in found.collect()} == {"c7"}
