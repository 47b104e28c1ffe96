"""Vectors that the jobs make from a lake's partitions, some days at a time, are those that the doors scored."""

from __future__ import annotations

from bench.folder_lake import FolderLake
from features.declaration import DAY, HOUR
from features.fraud import FRAUD
from features.state import State
from features.vector import CUSTOMER_LAYOUT, cells_of
from glue.jobs import silver_to_gold
from glue.jobs.publish_features import entity_records
from glue.tables import GOLD, SILVER
from tests.parity.engines import differing, served_vectors
from tests.parity.events import Log, event_log
from tests.spark.rows import START, fill, is_blocked, stamp


def test_any_stretch_of_days_is_made_as_it_was_served_with_late_payments_over_its_ends(spark, tmp_path):
    log = event_log(7, 700, customers=6, days=45, late=0.2)
    served = served_vectors(log)
    bank = FolderLake(spark, tmp_path)
    fill(bank, log.payments, log.labels, log.loans, log.outcomes, served.late, further=log.further)
    days = bank.lake.divisions(SILVER["transactions"])
    at = {p[0]: p[3] for p in log.payments}
    over = [i for i, counts in served.late if str(stamp(at[i]))[:7] != str(stamp(counts))[:7]]
    assert over, "a payment that came late counts in the next month"

    for some in (days[:30], days[30:31], days[31:]):
        spark.catalog.clearCache()
        asked = {"transaction_features": some, "loan_features": []}
        silver_to_gold.run(spark, bank.lake, some[0], asked, bank.metrics)

    rows = bank.rows(GOLD["transaction_features"])
    lake = {row["transaction_id"]: [row[name] for name in FRAUD.columns] for row in rows}
    found = differing(lake, served.vectors)
    assert not found, f"{len(found)} values differ, the first: {found[:5]}"


def test_whoever_was_quiet_for_longer_than_any_window_is_known_as_the_doors_know_him(spark, tmp_path):
    """What has no window is found in all of the lake: of the day's payers one came late the first time."""
    moments = (0, 200 * DAY, 201 * DAY, 201 * DAY + HOUR)
    paid = [(f"t{n}", "c", f"m{n % 3}", START + HOUR + at, 100 + n) for n, at in enumerate(moments)]
    paid.append(("other", "o", "m", START + 201 * DAY, 5))
    came_late = ("late", "c", "m", START + DAY, 7)  # after the second payment
    log = Log([*paid[:2], came_late, *paid[2:]], [], [], [], {name: {} for name, *_ in (*paid, came_late)})
    served = served_vectors(log)
    bank = FolderLake(spark, tmp_path)
    fill(bank, log.payments, late=served.late)
    day = str(stamp(START + 201 * DAY).date())

    asked = {"transaction_features": [day], "loan_features": []}
    silver_to_gold.run(spark, bank.lake, day, asked, bank.metrics)
    published = entity_records(spark, bank.lake, START + 202 * DAY, [day])["customer"].collect()

    rows = bank.rows(GOLD["transaction_features"])
    lake = {row["transaction_id"]: [row[name] for name in FRAUD.columns] for row in rows}
    assert lake.keys() == {"t2", "t3", "other"}
    assert not differing(lake, {name: served.vectors[name] for name in lake})
    told = dict(served.late)
    state = State(CUSTOMER_LAYOUT)
    for name, customer, merchant, at, cents in log.payments:
        if customer == "c":
            state.pay(told.get(name, at), cents, merchant, name, cells_of(at, {}), is_blocked(name))
    record = State.load(next(row["state"] for row in published if row["customer_id"] == "c"), CUSTOMER_LAYOUT)
    after = START + 210 * DAY
    assert record.values(after) == state.values(after)
    for age in FRAUD.since_first:
        assert record.since_first(age, after) == state.since_first(age, after) is not None
