"""What a seed chooses: payments and who brings them by which door, what operators and the night do, and what goes
wrong.

A plan is data, so that a failing one can be made smaller: every act and every fault can be left out by itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

from features.declaration import DAY, HOUR, MINUTE, EntityName
from features.entities import COUNTED, FURTHER_COLUMNS, named_by
from features.payment import Payment
from simulation.scheduler import FAULTS, FaultKind, Outage

MIDNIGHT = 1_748_736_000_000  # the first of June 2025, UTC
SERVICES = ("store", "endpoint", "answers", "documents", "bucket", "topics", "keys", "stream", "merchants")
SECOND = 1_000

# What a client does with a payment. `ask`: at the API door, again until it is answered; `once`: and gives up after the
# first time; `other`: asks about another amount under the same identifier; `put`: on the stream; `put_again`: as a
# producer does that was not answered. `poison`: something that is no payment; `forged`: the payment on the stream with
# a decision that no door has made. `label`: at the labels door, that the payment was fraud, again until rules are told.
ActKind = Literal["ask", "once", "other", "put", "put_again", "poison", "forged", "label"]
OperatorKind = Literal["policy", "release", "reshard", "night", "replay"]


@dataclass(frozen=True)
class Paid:
    """A payment; `at` in ms, `amount` in cents."""

    identifier: str
    customer: str
    merchant: str
    at: int
    amount: int

    @property
    def further(self) -> dict[str, str]:
        """What it says besides: the device and the address, each one of three, and whom else a user declares, each one
        of two."""
        further = {column: f"{column} {self.amount // 100 % 2}" for column in FURTHER_COLUMNS}
        return {**further, "device_id": f"d{self.amount // 100 % 3}", "ip": f"192.0.2.{self.amount // 300 % 3}"}

    @property
    def counted(self) -> dict[EntityName, str]:
        """Whose traffic it is, by entity."""
        paid = Payment(self.identifier, self.at, self.customer, self.merchant, self.amount, further=self.further)
        found = {entity: named_by(paid, entity) for entity in COUNTED}
        return {entity: whose for entity, whose in found.items() if whose is not None}


@dataclass(frozen=True)
class Act:
    """A client waits `pause` ms and then does something with a payment, given by its place."""

    client: int
    pause: int
    kind: ActKind
    payment: int


@dataclass(frozen=True)
class Operation:
    """Somebody else does something, `after` ms from the beginning."""

    after: int
    kind: OperatorKind


@dataclass(frozen=True)
class Plan:
    """`order` seeds the scheduler. `skews` are how far the clocks of the doors' processes are off, in ms, one after the
    other. `redelivered` are the deliveries, counted from 1, whose place in the shard is forgotten: they come again."""

    seed: int
    order: int
    start: int
    shards: int
    batch: int
    staying: float
    payments: tuple[Paid, ...]
    acts: tuple[Act, ...]
    operations: tuple[Operation, ...]
    faults: tuple[tuple[int, FaultKind], ...]
    outages: tuple[Outage, ...]
    skews: tuple[int, ...]
    redelivered: frozenset[int]
    stale: float = 0.0

    @property
    def size(self) -> int:
        return len(self.acts) + len(self.operations) + len(self.faults) + len(self.outages) + len(self.redelivered)


def drawn(seed: int) -> Plan:
    """The plan of a seed, always the same one."""
    r = random.Random(seed)
    night = r.random() < 0.15
    start = MIDNIGHT + DAY - 3 * SECOND if night else MIDNIGHT + 10 * HOUR
    payments = some_payments(r, start)
    clients = r.choice((1, 1, 2, 3))
    acts = tuple(act for number in range(len(payments)) for act in acts_on(r, number, clients, night))
    acts += some_labels(seed, len(payments), clients)
    calm = r.random() < 0.25
    return Plan(
        seed=seed,
        order=r.getrandbits(32),
        start=start,
        shards=r.choice((1, 1, 2, 3)),
        batch=r.choice((1, 2, 3, 100)),
        staying=r.choice((0.0, 0.5, 0.9)),
        payments=payments,
        acts=acts,
        operations=some_operations(r, night),
        faults=() if calm else some_faults(r),
        outages=() if calm or r.random() < 0.7 else some_outages(r),
        skews=tuple(r.choice((0, 0, 0, -20, -2, 3, 15)) for _ in range(4)),
        redelivered=frozenset(r.randrange(1, 8) for _ in range(r.choice((0, 0, 0, 1, 2)))),
    )


def some_payments(r: random.Random, start: int) -> tuple[Paid, ...]:
    count, customers, merchants = r.choice((2, 3, 3, 4, 4, 5, 6, 8)), r.choice((1, 1, 2, 3)), r.choice((1, 2))
    # Powers of two: the sum of any of a customer's payments tells which they were.
    sizes = list(range(count))
    r.shuffle(sizes)
    payments, cursor = [], start
    for number in range(count):
        cursor += r.choice((0, 1, 40, 400, SECOND, 2 * SECOND))
        payments.append(
            Paid(
                f"t{number}",
                f"c{r.randrange(customers)}",
                f"m{r.randrange(merchants)}",
                stamped(r, cursor),
                100 << sizes[number],
            )
        )
    return tuple(payments)


def stamped(r: random.Random, at: int) -> int:
    """What a source writes down of a moment."""
    kind = r.random()
    if kind < 0.6:
        return at
    if kind < 0.75:
        return at // SECOND * SECOND
    if kind < 0.85:
        return at // MINUTE * MINUTE
    if kind < 0.93:
        return at - r.choice((3 * SECOND, 20 * MINUTE, 30 * HOUR))
    return at + r.choice((2 * SECOND, 4 * MINUTE, 8 * MINUTE))  # the last is refused


def acts_on(r: random.Random, payment: int, clients: int, night: bool) -> list[Act]:
    """What becomes of one payment: mostly one door, sometimes both, sometimes again. A night would know but one of two
    payments that bear one identifier."""

    def act(kind: ActKind) -> Act:
        return Act(r.randrange(clients), r.choice((0, 0, 5, 100, 1_500)), kind, payment)

    way = r.random()
    if way < 0.45:
        acts = [act("ask")]
    elif way < 0.5:
        acts = [act("once")]
    elif way < 0.9:
        acts = [act("put")]
    elif way < 0.97:
        acts = [act("ask"), act("put")]
    else:
        acts = [act("forged")]
    if r.random() < 0.12:
        acts.append(act("ask" if acts[0].kind in ("ask", "once") else "put_again"))
    if r.random() < 0.04 and not night:
        acts.append(act("other"))
    if r.random() < 0.04:
        acts.append(act("poison"))
    return acts


def some_labels(seed: int, payments: int, client: int) -> tuple[Act, ...]:
    """Payments that a client of its own calls fraud, in one of five plans; drawn apart: the others are as they were."""
    r = random.Random(f"labels of {seed}")
    if r.random() < 0.8:
        return ()
    pauses = (0, 100, 1_500, 4_000)
    return tuple(Act(client, r.choice(pauses), "label", r.randrange(payments)) for _ in range(r.choice((1, 1, 2, 3))))


def some_operations(r: random.Random, night: bool) -> tuple[Operation, ...]:
    operations = [Operation(r.choice((3_100, 5_000)), "night")] if night else []
    if r.random() < 0.15:
        operations += [Operation(r.randrange(0, 3_000), "reshard") for _ in range(r.choice((1, 2)))]
    if r.random() < 0.2:
        kinds: tuple[OperatorKind, ...] = ("policy", "policy", "release")
        operations += [Operation(r.randrange(0, 2_000), r.choice(kinds)) for _ in range(r.randrange(1, 4))]
    if r.random() < 0.1:
        operations.append(Operation(r.randrange(1_000, 60_000), "replay"))
    return tuple(operations)


def some_faults(r: random.Random) -> tuple[tuple[int, FaultKind], ...]:
    count = r.choice((1, 1, 2, 3, 5))
    return tuple(sorted({r.randrange(1, 80): r.choice(FAULTS) for _ in range(count)}.items()))


def some_outages(r: random.Random) -> tuple[Outage, ...]:
    return tuple(
        Outage(r.choice(SERVICES), r.randrange(1, 60), r.choice((3, 10, 60, 200))) for _ in range(r.choice((1, 1, 2)))
    )


def smaller(plan: Plan) -> list[Plan]:
    """The plan without one of its parts, one after the other."""
    found = [replace(plan, acts=without(plan.acts, n)) for n in range(len(plan.acts))]
    found += [replace(plan, operations=without(plan.operations, n)) for n in range(len(plan.operations))]
    found += [replace(plan, faults=without(plan.faults, n)) for n in range(len(plan.faults))]
    found += [replace(plan, outages=without(plan.outages, n)) for n in range(len(plan.outages))]
    found += [replace(plan, redelivered=plan.redelivered - {n}) for n in sorted(plan.redelivered)]
    return found


def simpler(plan: Plan) -> list[Plan]:
    """The plan with something of it made plain."""
    found = []
    if plan.shards > 1:
        found.append(replace(plan, shards=1))
    if any(plan.skews):
        found.append(replace(plan, skews=(0,)))
    if plan.staying < 0.9:
        found.append(replace(plan, staying=0.9))
    if any(act.pause for act in plan.acts):
        found.append(replace(plan, acts=tuple(replace(act, pause=0) for act in plan.acts)))
    return found


def without(parts: tuple, place: int) -> tuple:
    return (*parts[:place], *parts[place + 1 :])
