"""What a night publishes: the whole record of everybody to whom something happened, however long they were quiet."""

from __future__ import annotations

import pytest

from bench.folder_lake import FolderLake
from features.declaration import DAY, HOUR
from features.state import State, label_event, payment_event
from features.values import instant
from features.vector import ACCOUNT_LAYOUT, CUSTOMER_LAYOUT, MERCHANT_LAYOUT
from glue.feature_store import Written
from glue.jobs.publish_features import entity_records, midnight, newer
from tests.spark.rows import START, fill, stamp

PAYMENTS = [
    ("t0", "back", "m0", START + HOUR, 1_000),
    ("t1", "quiet", "m1", START + HOUR, 2_000),
    ("t2", "back", "m2", START + 20 * DAY + HOUR, 3_000),
]
TOLD = START + 20 * DAY + 2 * HOUR
LABELS = [("t1", 1, TOLD)]


def folded(layout, *events) -> str:
    state = State(layout)
    for event in events:
        state.apply(event)
    return state.dump()


def test_a_record_after_weeks_of_quiet_holds_all_that_its_windows_reach(spark, tmp_path):
    lake = FolderLake(spark, tmp_path)
    fill(lake, PAYMENTS, LABELS)
    today = str(stamp(START + 20 * DAY).date())

    records = entity_records(spark, lake.lake, START + 21 * DAY, [today])

    states = {
        entity: {row[f"{entity if entity != 'account' else 'customer'}_id"]: row["state"] for row in rows.collect()}
        for entity, rows in records.items()
    }
    back = State(CUSTOMER_LAYOUT)
    for identifier, customer, merchant, at, cents in PAYMENTS:
        if customer == "back":
            back.pay(at, cents, merchant, identifier)
    assert states["customer"] == {"back": back.dump()}, "nothing happened to the quiet customer's own record"
    assert states["merchant"] == {
        "m2": folded(MERCHANT_LAYOUT, payment_event(PAYMENTS[2][3], 3_000)),
        "m1": folded(MERCHANT_LAYOUT, payment_event(PAYMENTS[1][3], 2_000), label_event(TOLD, 1)),
    }
    assert states["account"] == {"quiet": folded(ACCOUNT_LAYOUT, label_event(TOLD, 1))}


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
