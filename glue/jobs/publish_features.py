"""Glue job: lake -> Feature Store. Records of customers, merchants, accounts, devices, and one per loan application.

Safe to run at any hour. Feature Store keeps the record with the latest event time: online, that is the midnight up to
which this job has folded the lake, and for the stream door the arrival of the payment. So what has arrived since stays
as it is, and everything older is replaced. A run that was stopped goes on where it was when it is started again with
its arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from features.declaration import DAY
from features.entities import FURTHER, IDENTIFIERS
from features.fraud import FRAUD
from features.values import day, instant
from features.values import iso as text_of
from glue.arguments import days, days_before, month_end, parse
from glue.decisions import REPORT, with_decided
from glue.doors import payers_ahead
from glue.feature_store import Progress, Written, publish
from glue.history import read_history
from glue.lake import Lake, session
from glue.metrics import Metrics
from glue.reopening import reopened
from glue.tables import LOAN_FEATURES
from glue.transforms.events import before
from glue.transforms.events import day as day_of
from glue.transforms.folding import PARTITIONS, folded_customers, folded_events
from glue.transforms.gathering import gathered

# A door may meet a payment so many days after it happened: the failed queue keeps it for two weeks, and a replay that
# fails begins anew.
REPLAYED_DAYS = 30
FURTHER_GROUPS = tuple(entity.replace("_", "-") for entity in FRAUD.nightly if entity in FURTHER)
GROUPS = ("customer", *(entity for entity in FRAUD.nightly if entity not in FURTHER), *FURTHER_GROUPS, "loan-applicant")
NEWEST = f"quality/publish_features/newest-{FRAUD.version}.json"  # by group, the newest event time of all its records
TURNS = "quality/publish_features/turns.json"  # by instant, how often records as of it were published again


def main(argv: list[str]) -> None:
    # fmt: off
    args = parse(
        argv, "as_of", "customer_group", "merchant_group", "account_group", "device_group", "loan_applicant_group",
        "namespace",
        optional=("further_groups",),
        either=(("batch",), ("from", "to")),
    )
    # fmt: on
    further = further_groups(args.further_groups)
    spark, lake = session(), args.lake
    as_of = midnight(args.as_of)
    if args.batch:
        touched = reopened(spark, lake, args.batch)
        payment_days = sorted({*touched["transaction_features"], *touched["happened"]})
        loan_months, run = touched["loan_features"], args.batch
    else:
        payment_days = loan_months = days(args.from_, args.to)
        run = f"{args.from_}_{args.to}"

    progress = Progress(lake.bucket, f"tmp/publish_features/{run}/{as_of}-{FRAUD.version}")
    before_us = lake.keys(f"{progress.prefix}/")
    online_at = text_of(as_of + turn(lake, as_of))
    behind = payers_ahead(spark, lake, args.batch, as_of)
    records = {**entity_records(spark, lake, as_of, payment_days, behind), **loan_records(spark, lake, loan_months)}
    for group, rows in records.items():
        name = further[group] if group in further else getattr(args, f"{group.replace('-', '_')}_group")
        publish(rows, name, group, progress, progress.done(group, before_us), online_at)

    marks = lake.keys(f"{progress.prefix}/")
    written = {group: total(lake, [k for k in marks if f"/{group}/" in k]) for group in GROUPS}
    newest = newer(lake.get_json(NEWEST) or {}, written)
    lake.put_json(NEWEST, newest)
    ages = {group: (as_of - instant(at)) / 3_600_000 for group, at in newest.items()}
    report = {group: w.records for group, w in written.items()}
    lake.put_json(f"quality/publish_features/{run}.json", {**report, "age_hours": ages})
    Metrics(args.namespace).aged(ages)
    lake.delete(marks)  # it is complete: whoever starts it once more wants it done once more


def further_groups(told: str | None) -> dict[str, str]:
    """Names of the feature groups of entities that a user has declared, by short name, from
    `card=risk-dev-card,network=risk-dev-network`; none of none.
    Raises ValueError where one lacks that this package publishes."""
    groups = {name: group for name, _, group in (pair.partition("=") for pair in (told or "").split(",") if pair)}
    if missing := [group for group in FURTHER_GROUPS if not groups.get(group)]:
        raise ValueError(
            f"--further_groups: expected <short name>=<feature group> of each declared entity, got none of "
            f"{', '.join(missing)}; Terraform tells them, as of the package that it deploys"
        )
    return {group: groups[group] for group in FURTHER_GROUPS}


def midnight(text: str) -> int:
    """The last UTC midnight up to an instant, in ms: the lake has whole days. A record that says more would replace the
    door's own, with all that was paid since midnight."""
    return instant(text) // DAY * DAY


def turn(lake: Lake, as_of: int) -> int:
    """How often records were published as of this instant before: each time a millisecond later, so that it counts."""
    turns = lake.get_json(TURNS) or {}
    turns[str(as_of)] = turns.get(str(as_of), -1) + 1
    lake.put_json(TURNS, turns)
    return turns[str(as_of)]


def entity_records(
    spark: SparkSession, lake: Lake, as_of: int, touched: list[str], behind: DataFrame | None = None
) -> dict[str, DataFrame]:
    """Records of those to whom something happened on the touched days, as of an instant.

    Their newest event is no older than the first of those days, so history from there on fills every window. The lake
    is `behind` on some customers (`customer_id`): the doors' own records of them stay, until the next night.
    """
    last = day(as_of - 1)
    history = read_history(spark, lake, min((*touched, last)), last)
    if history is None:
        return {}
    happened = {
        entity: {kind: before(rows, as_of) for kind, rows in kinds.items()}
        for entity, kinds in history.happened.items()
    }
    payers = of_touched({"payment": before(history.paid, as_of)}, "customer_id", touched)["payment"]
    payers = with_decided(spark, lake, payers, incomplete(lake, days(days_before(last, REPLAYED_DAYS), last), touched))
    if behind is not None:
        payers = payers.join(behind, "customer_id", "left_anti")
    records = {"customer": entity_record(folded_customers(payers), "customer_id")}
    for entity, kinds in happened.items():
        key = IDENTIFIERS[entity]
        if kinds:
            records[entity.replace("_", "-")] = entity_record(
                folded_events(of_touched(kinds, key, touched), entity, key), key
            )
    return records


def incomplete(lake: Lake, asked: list[str], touched: list[str]) -> list[str]:
    """Of these days those whose payments may not all be decided on. Of the others the night has counted that none is
    left: their logs, which are large, are not read again."""
    counted = {day: lake.get_json(REPORT.format(first=day, last=day)) for day in asked if day not in touched}
    return [day for day in asked if (counted.get(day) or {}).get("undecided") != 0]


def loan_records(spark: SparkSession, lake: Lake, months: list[str]) -> dict[str, DataFrame]:
    """Records of the loan applications of some months, given by any of their days."""
    wanted = sorted({f"{d[:7]}-01" for d in months} | {month_end(d) for d in months})
    loans = lake.read(spark, LOAN_FEATURES, wanted)
    if loans is None:
        return {}
    columns = [name for name in LOAN_FEATURES.column_names if name != "applied_at"]
    rows = loans.select(*columns, iso(F.col("applied_at")).alias("event_time"))
    return {"loan-applicant": gathered(rows, "loan_id", partitions=PARTITIONS)}


def total(lake: Lake, marks: list[str]) -> Written:
    """What all slices of a group have written, those of an earlier start included."""
    return sum((Written(**found) for key in marks if (found := lake.get_json(key))), Written())


def newer(before: Mapping[str, str], written: Mapping[str, Written]) -> dict[str, str]:
    """The newest event time by group: a group that nothing was written to keeps its own, and grows old."""
    return {**before, **{g: max(w.newest, before.get(g, "")) for g, w in written.items() if w.newest is not None}}


def of_touched(events: dict, key: str, touched: list[str]) -> dict:
    """All events of the keys to which something happened in those days: the others' records are as they were."""
    met = [rows.where(day_of(F.col("counted_at")).isin(touched)).select(key) for rows in events.values()]
    keys = reduce(DataFrame.union, met).distinct()
    return {kind: rows.join(keys, key, "left_semi") for kind, rows in events.items()}


def entity_record(states: DataFrame, key: str) -> DataFrame:
    """What the doors read, and what the record says in numbers, as features of one record."""
    return states.select(
        F.col("entity").alias(key),
        iso(F.timestamp_millis("clock")).alias("event_time"),
        F.lit(FRAUD.version).alias("feature_version"),
        *(name for name in states.columns if name not in ("entity", "clock")),
    )


def iso(time: Column) -> Column:
    """The form that Feature Store accepts as a text event time."""
    return F.date_format(time, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'")


if __name__ == "__main__":
    main(sys.argv)
