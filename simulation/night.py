"""The night: what the lake knows of whole days, folded into records and published as of the last midnight.

As glue/transforms/events.py, glue/transforms/folding.py, glue/jobs/publish_features.py and glue/feature_store.py do it,
by the same engine. Assumed: the RAW files of a day hold all its payments, whether a door has met them or not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from features.declaration import DAY
from features.fraud import FRAUD
from features.moments import met_by_no_door
from features.state import State
from features.values import instant, iso
from features.vector import CUSTOMER_LAYOUT, cells_of
from simulation import wiring
from simulation.plan import Paid
from simulation.scheduler import Killed

if TYPE_CHECKING:
    from simulation.world import World

TRIES = 6


@dataclass(frozen=True)
class Published:
    """A customer's record of the night that the store has taken. `counted` gives by payment the moment at which it
    counts in it (ms), `undecided` are those of them that the night found no decision on, `blocked` those that count as
    blocks."""

    customer: str
    counted: dict[str, int]
    undecided: frozenset[str]
    blocked: frozenset[str]


def run(world: World) -> None:
    """A night that fails is run again by day, or not."""
    as_of = world.scheduler.now // DAY * DAY
    bucket, store = world.cloud.bucket.client(3), world.cloud.store.client(5)
    raw = [paid for paid in world.plan.payments if paid.at < as_of and brought(world, paid)]
    try:
        notes = lines(bucket, "late/")
        late, blocked = told_late(notes), told_blocked(notes)
        decided = {line["transaction_id"] for line in lines(bucket, "decisions/")}
    except (Killed, Exception):
        return
    entries = []
    for customer in sorted({paid.customer for paid in raw}):
        state = State(CUSTOMER_LAYOUT)
        counted, undecided = {}, set()
        theirs = moments([paid for paid in raw if paid.customer == customer], late)
        for at, paid in sorted(theirs, key=lambda row: (row[0], row[1].amount, row[1].merchant, row[1].identifier)):
            if at >= as_of:
                continue
            cells, is_block = cells_of(paid.at, paid.further), paid.identifier in blocked
            state.pay(at, paid.amount, paid.merchant, paid.identifier, cells, is_block)
            counted[paid.identifier] = at
            if paid.identifier not in decided:
                state.await_decision(paid.identifier)
                undecided.add(paid.identifier)
        if counted:
            entries.append(entry(customer, state, max(state.clock, as_of)))
            published = Published(customer, counted, frozenset(undecided), blocked & counted.keys())
            world.publishing.append((entries[-1]["Record"], published))
    if entries:
        write(world, store, entries)


def brought(world: World, paid: Paid) -> bool:
    """Whether the day's files hold the payment: a payer has asked about it when it happened, a producer of the stream
    may bring it as late as he will."""
    acts = [act.kind for act in world.plan.acts if world.plan.payments[act.payment] is paid]
    return paid.identifier in world.happened or any(kind in ("put", "put_again") for kind in acts)


def moments(payments: Sequence[Paid], late: dict[str, int]) -> list[tuple[int, Paid]]:
    """When each payment of a customer counts, as the lake knows it: at the moment that a door has told, or where no
    door has told any."""
    told = [(late[paid.identifier], paid) for paid in payments if paid.identifier in late]
    rest = sorted((p for p in payments if p.identifier not in late), key=lambda p: (p.at, p.identifier))
    days: dict[int, list[Paid]] = {}
    for paid in rest:
        days.setdefault(paid.at // DAY, []).append(paid)
    for own in days.values():
        told += zip(met_by_no_door([paid.at for paid in own]), own, strict=True)
    return told


def told_late(notes: list[dict]) -> dict[str, int]:
    found: dict[str, int] = {}
    for note in notes:
        if note["counted_at"] != instant(note["event_time"]):
            found[note["transaction_id"]] = max(note["counted_at"], found.get(note["transaction_id"], 0))
    return found


def told_blocked(notes: list[dict]) -> frozenset[str]:
    """What counts as a block, as the last decision on it says."""
    last: dict[str, tuple[int, int]] = {}
    for note in notes:
        said = note["decided_at"], note["blocked"]
        last[note["transaction_id"]] = max(said, last.get(note["transaction_id"], said))
    return frozenset(identifier for identifier, (_, blocked) in last.items() if blocked)


def lines(bucket, prefix: str) -> list[dict]:
    found = bucket.list_objects_v2(Bucket=wiring.LAKE, Prefix=prefix).get("Contents", [])
    bodies = [bucket.get_object(Bucket=wiring.LAKE, Key=each["Key"])["Body"].read() for each in found]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def entry(customer: str, state: State, online_at: int) -> dict:
    """One record more than these features has the job's, which nobody reads."""
    told = {
        "customer_id": customer,
        "event_time": iso(online_at),
        "feature_version": FRAUD.version,
        "state": state.dump(),
    }
    return {
        "FeatureGroupName": wiring.GROUPS["customer"],
        "TargetStores": ["OnlineStore"],
        "Record": [{"FeatureName": name, "ValueAsString": value} for name, value in told.items()],
    }


def write(world: World, store, entries: list[dict]) -> None:
    for turn in range(TRIES):
        try:
            answer = store.batch_write_record(Entries=entries)
        except (Killed, Exception):
            return
        entries = [e["Entry"] for e in answer["Errors"]] + answer["UnprocessedEntries"]
        if not entries:
            return
        world.scheduler.sleep(0.1 * 2**turn)
