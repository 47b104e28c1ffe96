"""What a night publishes: the whole record of everybody to whom something happened, however long they were quiet."""

from __future__ import annotations

import json

import pytest

from bench.folder_lake import FolderLake
from features.declaration import DAY, HOUR, IDENTIFIERS
from features.state import State, label_event, payment_event, text_fingerprint
from features.values import instant
from features.vector import ACCOUNT_LAYOUT, CUSTOMER_LAYOUT, DEVICE_LAYOUT, MERCHANT_LAYOUT, cells_of
from glue.feature_store import Written
from glue.jobs.publish_features import REPLAYED_DAYS, entity_records, midnight, newer
from tests.spark.rows import START, fill, is_blocked, stamp

PAYMENTS = [
    ("t0", "back", "m0", START + HOUR, 1_000),
    ("t1", "quiet", "m1", START + HOUR, 2_000),
    ("t2", "back", "m2", START + 20 * DAY + HOUR, 3_000),
]
TOLD = START + 20 * DAY + 2 * HOUR
LABELS = [("t1", 1, TOLD)]


def log(lake: FolderLake, day: str, *identifiers: str) -> None:
    """The doors' decisions on some payments of a day."""
    folder = lake.root / "decisions" / f"decision_date={day}"
    folder.mkdir(parents=True)
    (folder / "shard-1-2.json").write_text("".join(json.dumps({"transaction_id": i}) + "\n" for i in identifiers))


def folded(layout, *events) -> str:
    state = State(layout)
    for event in events:
        state.apply(event)
    return state.dump()


def test_a_record_after_weeks_of_quiet_holds_all_that_its_windows_reach(spark, tmp_path):
    lake = FolderLake(spark, tmp_path)
    fill(lake, PAYMENTS, LABELS, further={"t2": {"device_id": "d1"}})
    today = str(stamp(START + 20 * DAY).date())
    log(lake, str(stamp(START).date()), "t0")
    log(lake, today, "t2")

    records = entity_records(spark, lake.lake, START + 21 * DAY, [today])

    states = {
        entity: {row[IDENTIFIERS[entity]]: row["state"] for row in rows.collect()} for entity, rows in records.items()
    }
    back = State(CUSTOMER_LAYOUT)
    for identifier, customer, merchant, at, cents in PAYMENTS:
        if customer == "back":
            said = {"device_id": "d1"} if identifier == "t2" else {}
            back.pay(at, cents, merchant, identifier, cells_of(at, said), is_blocked(identifier))
    assert states["customer"] == {"back": back.dump()}, "nothing happened to the quiet customer's own record"
    assert states["merchant"] == {
        "m2": folded(MERCHANT_LAYOUT, payment_event(PAYMENTS[2][3], 3_000)),
        "m1": folded(MERCHANT_LAYOUT, payment_event(PAYMENTS[1][3], 2_000), label_event(TOLD, 1)),
    }
    payer = {"customer_id": text_fingerprint(PAYMENTS[2][1])}
    assert states["device"] == {"d1": folded(DEVICE_LAYOUT, payment_event(PAYMENTS[2][3], 3_000, cells=payer))}
    assert states["account"] == {"quiet": folded(ACCOUNT_LAYOUT, label_event(TOLD, 1))}


def test_a_record_says_which_of_the_last_payments_no_door_has_decided_on(spark, tmp_path):
    """They wait in a stream or a queue: what is delivered or replayed after the night must be decided, and not counted
    again. Of a day on which the night found none left no log is read."""
    lake = FolderLake(spark, tmp_path)
    first, last = str(stamp(START).date()), str(stamp(START + REPLAYED_DAYS * DAY).date())
    long_ago = START - HOUR
    paid = [
        ("old", "c", "m", long_ago, 100),
        ("decided", "c", "m", START, 100),
        ("waits", "c", "m", START + HOUR, 100),
        ("counted", "c", "m", START + DAY, 100),
        ("missed", "c", "m", START + 2 * DAY, 100),
        ("today", "c", "m", START + REPLAYED_DAYS * DAY, 100),
    ]
    fill(lake, paid, [])
    log(lake, first, "decided")
    for number, undecided in ((1, 0), (2, 1)):
        day = stamp(START + number * DAY).date()
        lake.lake.put_json(f"quality/check_parity/{day}_{day}.json", {"undecided": undecided})

    records = entity_records(spark, lake.lake, START + (REPLAYED_DAYS + 1) * DAY, [last])

    (row,) = records["customer"].collect()
    state = State.load(row["state"], CUSTOMER_LAYOUT)
    assert [i for i, *_ in paid if state.awaits(i)] == ["waits", "missed", "today"]
    assert all(state.knows(i) for i, *_ in paid)


@pytest.mark.parametrize("started", ["2026-03-02T00:00:00Z", "2026-03-02T02:00:00Z", "2026-03-02T23:59:59.999Z"])
def test_records_are_dated_by_the_midnight_before_a_night_so_that_payments_since_then_stay_counted(started):
    assert midnight(started) == instant("2026-03-02T00:00:00Z")


def test_a_group_that_nothing_was_written_to_keeps_its_newest_event_and_grows_old():
    before = {"customer": "2026-03-02T00:00:00.000Z", "account": "2026-03-01T00:00:00.000Z"}
    written = {
        "customer": Written(1, "2026-03-01T12:00:00.000Z"),  # a backfill
        "merchant": Written(2, "2026-03-03T00:00:00.000Z"),
        "account": Written(),
    }

    assert newer(before, written) == {**before, "merchant": "2026-03-03T00:00:00.000Z"}
