"""What must be true after every schedule. Each function is named for its sentence and tells what contradicts it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from functools import cached_property

from features.declaration import EntityName
from features.entities import COUNTED, IDENTIFIERS
from features.fraud import FRAUD
from features.payment import AHEAD
from features.state import State, fingerprint, label_event, payment_event
from features.traffic import TRAFFIC_LAYOUTS
from features.values import iso
from features.vector import CUSTOMER_LAYOUT
from simulation import wiring
from simulation.models.feature_store import value_of
from simulation.night import moments, told_blocked, told_late
from simulation.plan import Paid
from simulation.recount import Counted, comparable, held_by, recounted, seen_in
from simulation.world import POLICY, Asked, World, fields_of_payment, other

PATIENT_MS = 400  # after so long a door does not judge again
MARKED = ("default_features",)  # steps of a decision that say themselves that the records were not read


class Seen:
    """What a played world has left, put in order once for all invariants."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.paid = {paid.identifier: paid for paid in world.plan.payments}
        self.lines: list[tuple[int, dict]] = []  # with the step at which they were logged
        self.logged: dict[str, dict] = {}
        self.first_logged: dict[str, int] = {}
        self.first_exact: dict[str, int] = {}  # the first that says that everybody knows of it
        last: dict[str, tuple[int, dict]] = {}
        for step, sent, key in world.cloud.bucket.written:
            if not key.startswith("decisions/"):
                continue
            for line in map(json.loads, world.cloud.bucket.objects[key].splitlines()):
                identifier = line["transaction_id"]
                self.lines.append((step, line))
                self.first_logged.setdefault(identifier, step)
                if line["velocity_exact"]:
                    self.first_exact.setdefault(identifier, step)
                there = self.logged.get(identifier)
                if there is None or newness(line) >= newness(there):
                    self.logged[identifier] = line
                if identifier not in last or sent >= last[identifier][0]:
                    last[identifier] = sent, line
        # Payments that were to be logged otherwise under a name that was taken: what was logged first stands.
        self.otherwise: set[str] = set()
        for key, body in world.cloud.bucket.refused:
            if key.startswith("decisions/"):
                stands = map(json.loads, world.cloud.bucket.objects[key].splitlines())
                for old, new in zip(stands, map(json.loads, body.splitlines()), strict=True):
                    if any(old[name] != new[name] for name in ("counted_at", "vector", "overtaken")):
                        self.otherwise.add(old["transaction_id"])
        # Payments whose last decision is not the one that the lake takes for it.
        self.mistaken = {i for i, (_, line) in last.items() if line != self.logged[i]}
        for identifier, line in self.logged.items():  # the content that came first is the payment
            paid = self.paid.get(identifier)
            if paid is not None and line["amount_cents"] == other(paid).amount:
                self.paid[identifier] = other(paid)
        self.answers = [asked for asked in world.asked if asked.answered]
        self.amounts: dict[str, dict[int, str]] = {}
        for paid in self.paid.values():
            self.amounts.setdefault(paid.customer, {})[paid.amount] = paid.identifier

    @cached_property
    def customers(self) -> list[str]:
        return sorted({paid.customer for paid in self.paid.values()})

    @cached_property
    def counted(self) -> dict[str, set[str]]:
        """What each customer's record should hold: all that is logged, and of what only a night has counted what is in
        it, for a door may have read the record before that night and written it afterwards."""
        found = {}
        for customer, theirs in self.amounts.items():
            by_night = {i for night in self.world.nights if night.customer == customer for i in night.counted}
            held = held_by(self.record(customer), theirs)
            found[customer] = {i for i in theirs.values() if i in self.logged or i in by_night & held}
        return found

    @cached_property
    def notes(self) -> list[dict]:
        """What the stream door has told the lake of how payments count."""
        objects = self.world.cloud.bucket.objects.items()
        return [json.loads(line) for key, body in objects if key.startswith("late/") for line in body.splitlines()]

    @cached_property
    def blocked(self) -> frozenset[str]:
        """Payments that count as what the doors blocked, for the lake."""
        return told_blocked(self.notes)

    def sum_of(self, customer: str) -> tuple[int, int]:
        """How many payments a record holds, and how many cents."""
        state = self.record(customer)
        row = state.values(state.clock + 1)
        return row["customer_payment_count_30d"] or 0, row["customer_payment_amount_30d"] or 0

    @cached_property
    def recounts(self) -> dict[str, tuple[dict, State]]:
        """By customer."""
        found = {}
        for customer in self.customers:
            counted = [
                Counted(paid, self.logged[i]["counted_at"] if i in self.logged else self.by_night[i], i in self.blocked)
                for i in self.counted[customer]
                for paid in [self.paid[i]]
            ]
            vectors, state = recounted(counted)
            for each in counted:
                if each.paid.identifier not in self.logged:
                    state.await_decision(each.paid.identifier)
            found[customer] = vectors, state
        return found

    @cached_property
    def outdated(self) -> set[str]:
        """Customers of whom a door's record was refused for a night's, though a payment is in that one alone."""
        found = set()
        for customer, record in self.world.outdated:
            state = State.load(value_of(record, "state"), CUSTOMER_LAYOUT)
            theirs = self.amounts[customer]
            if held_by(state, theirs) - held_by(self.record(customer), theirs):
                found.add(customer)
        return found

    @cached_property
    def contested(self) -> dict[str, str]:
        """Identifiers that stand for two payments, one at each door, and their customers."""
        acts = self.world.plan.acts
        others = {self.world.plan.payments[a.payment] for a in acts if a.kind == "other"}
        put = {self.world.plan.payments[a.payment] for a in acts if a.kind in ("put", "put_again")}
        return {paid.identifier: paid.customer for paid in others & put}

    @cached_property
    def put(self) -> set[str]:
        """Identifiers of payments that clients put on the stream themselves."""
        acts = self.world.plan.acts
        return {self.world.plan.payments[a.payment].identifier for a in acts if a.kind in ("put", "put_again")}

    @cached_property
    def asked_otherwise(self) -> set[str]:
        """Identifiers under which another payment was asked about."""
        acts = self.world.plan.acts
        return {self.world.plan.payments[a.payment].identifier for a in acts if a.kind == "other"}

    @cached_property
    def misled(self) -> set[str]:
        """Customers whose payments share an identifier: that it stands for one another invariant tells."""
        return set(self.contested.values())

    @cached_property
    def decided_twice(self) -> set[str]:
        """Customers with a payment of which the log does not say which decision was applied: both doors have decided
        it, or the lake takes another one for the last. Other invariants tell of that."""
        doors: dict[str, set[str]] = {}
        for _, line in self.lines:
            doors.setdefault(line["transaction_id"], set()).add(line["door"])
        twice = {self.paid[i].customer for i, met in doors.items() if len(met) > 1 and i in self.paid}
        twice |= {self.paid[i].customer for i in self.mistaken | self.otherwise if i in self.paid}
        return twice | set(self.contested.values())

    @cached_property
    def counted_before_a_door(self) -> set[str]:
        """Customers of whom a night has counted a payment that no door had in the record: it waited on the stream, or
        it was logged and then given up. What was decided in between could not know it."""
        given_up = self.world.stream_mapping.ever_given_up
        return {night.customer for night in self.world.nights if night.undecided or night.customer in given_up}

    @cached_property
    def by_night(self) -> dict[str, int]:
        """When a payment counts, as a night has published it (ms)."""
        return {identifier: at for night in self.world.nights for identifier, at in night.counted.items()}

    @cached_property
    def blocked_by_night(self) -> set[str]:
        return {identifier for night in self.world.nights for identifier in night.blocked}

    def record(self, customer: str) -> State:
        return self._state("customer", customer, CUSTOMER_LAYOUT)

    def traffic(self, entity: EntityName, identifier: str) -> State:
        return self._state(entity, identifier, TRAFFIC_LAYOUTS[entity])

    @cached_property
    def traffics(self) -> dict[tuple[EntityName, str], list[str]]:
        """Payments by whose traffic they are."""
        found: dict[tuple[EntityName, str], list[str]] = {}
        for identifier, paid in sorted(self.paid.items()):
            for whose in paid.counted.items():
                found.setdefault(whose, []).append(identifier)
        return found

    @cached_property
    def frauds(self) -> dict[tuple[EntityName, str], dict[str, set[int]]]:
        """What the counter was told of frauds, by whose traffic they are: payments, and the moments (ms)."""
        found: dict[tuple[EntityName, str], dict[str, set[int]]] = {}
        records = (record for shard in self.world.cloud.merchants.shards for record in shard.records)
        for told in (json.loads(record.data) for record in records):
            if told.get("kind") == "fraud":
                (entity,) = (entity for entity in COUNTED if IDENTIFIERS[entity] in told)
                moments_of = found.setdefault((entity, told[IDENTIFIERS[entity]]), {})
                moments_of.setdefault(told["transaction_id"], set()).add(told["at"])
        return found

    def _state(self, entity, identifier: str, layout) -> State:
        found = self.world.cloud.store.records.get((wiring.GROUPS[entity], identifier))
        return State.load(value_of(found, "state"), layout) if found else State(layout)

    def decided(self, identifier: str, before: int) -> bool:
        """Whether a payment was decided for everybody to know before a step: answered, or logged, and exact. Of one
        that is not nobody is told but by the record."""
        if self.first_exact.get(identifier, before) < before:
            return True
        own = (a for a in self.answers if a.paid.identifier == identifier)
        return any(a.ended < before and (a.body or {}).get("velocity_exact") for a in own)

    def met(self, identifier: str) -> list[int]:
        """The steps at which the stream door began with a batch that held the payment."""
        named = json.dumps({"transaction_id": identifier})[1:-1].encode()
        return [
            began
            for began, records in self.world.invocations
            if any(named in base64.b64decode(record["kinesis"]["data"]) for record in records)
        ]

    def first_met(self, identifier: str) -> int:
        return next(iter(self.met(identifier)), self.world.steps)

    def times_met(self, identifier: str) -> int:
        return len(self.met(identifier))

    def first_asked(self, identifier: str) -> int:
        """The step at which somebody first began to ask."""
        return min(asked.began for asked in self.world.asked if asked.paid.identifier == identifier)

    @cached_property
    def first_answers(self) -> dict[str, Asked]:
        found: dict[str, Asked] = {}
        for asked in self.answers:
            found.setdefault(asked.paid.identifier, asked)
        return found

    def decided_between(self, paid: Paid, first: int, last: int) -> int:
        """How many payments of the customer others have decided between two steps."""
        theirs = self.amounts[paid.customer].values()  # itself, too: the stream door may have been faster
        ended = {i: [a.ended for a in self.answers if a.paid.identifier == i != paid.identifier] for i in theirs}
        spans = {i: [*ended[i], *([self.first_logged[i]] if i in self.first_logged else [])] for i in theirs}
        # It was claimed some steps before it was told.
        return sum(any(first <= step <= last + 12 for step in steps) for steps in spans.values())

    def missed(self, paid: Paid, vector: list, began: int) -> list[str]:
        """Payments of the same customer that were decided before a decision began and are not in its vector."""
        theirs = self.amounts[paid.customer]
        held = seen_in(vector, theirs)
        return [
            other
            for other in theirs.values()
            if other != paid.identifier and other not in held | self.blocked and self.decided(other, began)
        ]


def newness(line: dict) -> tuple:
    """Of several decisions on a payment the last was applied, as glue/transforms/parity.py orders them."""
    return line["decided_at"], line["counted_at"], line["overtaken"]


def the_schedule_ends_and_no_door_fails_by_itself(seen: Seen) -> list[str]:
    world = seen.world
    found = [world.endless] if world.endless else []
    found += [f"{name}: {failed!r}" for name, failed in world.scheduler.raised]
    allowed = ("StoreUnavailable", "Open", "TermsUnread", "ClientError", "ReadTimeoutError", "EndpointConnectionError")
    for mapping in (world.stream_mapping, world.merchant_mapping):
        found += [f"{mapping.name}: {e!r}" for e in mapping.errors if type(e).__name__ not in allowed]
    return found


def every_payment_that_was_answered_or_taken_is_decided_and_logged(seen: Seen) -> list[str]:
    found = [
        f"{a.paid.identifier} was answered and is not in the log"
        for a in seen.answers
        if a.paid.identifier not in seen.logged and (a.remembered or a.signed)
    ]
    start = seen.world.plan.start
    for step, paid in seen.world.taken:
        if paid.identifier not in seen.logged and paid.at <= start + AHEAD:
            found.append(f"{paid.identifier} was taken by the stream at step {step} and is not in the log")
    return found


def a_night_outdates_no_record_that_holds_more(seen: Seen) -> list[str]:
    return [
        f"{customer}'s record of a door was refused, which held more than the night's" for customer in seen.outdated
    ]


def no_answer_is_given_that_the_stream_door_cannot_believe(seen: Seen) -> list[str]:
    """It believes what is signed, and what is kept."""
    return [
        f"{a.paid.identifier} was answered, and its decision is neither kept nor signed"
        for a in seen.answers
        if not a.remembered and not a.signed and a.paid.identifier not in seen.logged
    ]


def a_payment_counts_once_in_its_customers_record(seen: Seen) -> list[str]:
    found = []
    elsewhere = {seen.paid[identifier].customer for identifier in counted_elsewhere(seen)} if seen.blocked else set()
    for customer in set(seen.customers) - set(seen.contested.values()) - seen.outdated - elsewhere:
        held, counted = seen.sum_of(customer), seen.counted[customer]
        wanted = counted - seen.blocked
        total = sum(seen.paid[i].amount for i in wanted)
        if held != (len(wanted), total):
            found.append(
                f"{customer}'s record holds {held[0]} payments of {held[1]} cents, expected {len(wanted)} of {total}"
            )
        marks = [max(mark, ~mark) for mark in seen.record(customer).remembered]
        often = [i for i in sorted(counted) if marks.count(fingerprint(i)) != 1]
        found += [f"{customer}'s record knows {i} {marks.count(fingerprint(i))} times" for i in often]
    return found


def a_record_is_the_recount_of_the_log(seen: Seen) -> list[str]:
    found = []
    elsewhere = {seen.paid[identifier].customer for identifier in counted_elsewhere(seen)}
    for customer in seen.customers:
        if customer in elsewhere | seen.decided_twice | seen.outdated:
            continue
        stored, wanted = comparable(seen.record(customer)), comparable(seen.recounts[customer][1])
        if stored != wanted:
            parts = [name for name in wanted if stored[name] != wanted[name]]
            found.append(f"{customer}'s record differs from the recount in {', '.join(parts)}")
    return found


def a_night_counts_a_payment_where_the_log_does(seen: Seen) -> list[str]:
    return [
        f"{identifier} counts at {iso(seen.logged[identifier]['counted_at'])}, in the night's record at {iso(at)}"
        for identifier, at in counted_elsewhere(seen).items()
    ]


def counted_elsewhere(seen: Seen) -> dict[str, int]:
    """Payments that a night has counted at another moment than their decision says, or not as the block that it is."""
    as_paid = {i for i in seen.by_night if i in seen.blocked} - seen.blocked_by_night
    return {
        i: at
        for i, at in seen.by_night.items()
        if i in seen.logged and (seen.logged[i]["counted_at"] != at or i in as_paid)
    }


def a_logged_vector_is_the_recount_unless_it_says_otherwise(seen: Seen) -> list[str]:
    found = []
    elsewhere = {seen.paid[identifier].customer for identifier in counted_elsewhere(seen)}
    for identifier, line in seen.logged.items():
        if line["vector"] is None or line["overtaken"] or line["degrade_step"] in MARKED or identifier not in seen.paid:
            continue
        paid = seen.paid[identifier]
        if paid.customer in seen.counted_before_a_door | seen.decided_twice | seen.outdated | elsewhere:
            continue
        if line["vector"] != seen.recounts[paid.customer][0].get(identifier):
            found.append(f"{identifier}'s vector ({line['door']} door) differs from the recount")
    return found


def an_answer_knows_all_that_was_decided_before_unless_it_says_otherwise(seen: Seen) -> list[str]:
    found = []
    for identifier, asked in seen.first_answers.items():
        body = asked.body
        if body is None or body["door"] != "api" or marked(body) or asked.paid.customer in seen.misled:
            continue
        for missed in seen.missed(asked.paid, body["vector"], seen.first_asked(identifier)):
            found.append(f"the answer to {identifier} does not know {missed}, which was decided before it was asked")
    return found


def a_decision_of_the_stream_knows_all_that_was_decided_before_unless_it_says_otherwise(seen: Seen) -> list[str]:
    found = []
    for step, line in seen.lines:
        identifier = line["transaction_id"]
        if line["door"] != "stream" or marked(line) or line["customer_id"] in seen.misled:
            continue
        began = max((b for b, _ in seen.world.invocations if b <= step), default=step)
        if seen.missed(seen.paid[identifier], line["vector"], began):
            began = min(began, seen.first_met(identifier))  # it stands in the tail since then
        for missed in seen.missed(seen.paid[identifier], line["vector"], began):
            found.append(f"the stream's decision on {identifier} does not know {missed}, which was decided before")
    return found


def marked(line: dict) -> bool:
    return line["overtaken"] or line["degrade_step"] in MARKED or not line["velocity_exact"]


def an_exact_decision_is_not_overtaken(seen: Seen) -> list[str]:
    """But where another one of its customer was not exact, so that nobody could know it, or a night has counted."""
    inexact = {line["customer_id"] for _, line in seen.lines if not line["velocity_exact"]}
    inexact |= {a.paid.customer for a in seen.answers if not (a.body or {}).get("velocity_exact")}
    excused = inexact | seen.decided_twice | seen.misled | {night.customer for night in seen.world.nights}
    excused |= seen.world.stream_mapping.ever_given_up  # decided anew, and later, when it is replayed
    return [
        f"{line['transaction_id']} was decided with all that was decided before, and is overtaken"
        for _, line in seen.lines
        if line["velocity_exact"] and line["overtaken"] and line["customer_id"] not in excused
    ]


def an_answer_that_is_not_exact_has_a_reason(seen: Seen) -> list[str]:
    """Something went wrong, or others decided on payments of the customer meanwhile, thrice or for long."""
    if seen.world.plan.faults or seen.world.plan.outages:
        return []
    found = []
    for identifier, asked in seen.first_answers.items():
        body = asked.body or {}
        if body["velocity_exact"] or body["door"] != "api":
            continue
        others = seen.decided_between(asked.paid, seen.first_asked(identifier), asked.ended)
        if others < 3 and (not others or asked.took <= PATIENT_MS):
            found.append(f"{identifier} was answered without looking at all that was decided before")
    return found


def payments_of_a_customer_count_at_moments_of_their_own(seen: Seen) -> list[str]:
    found = []
    moments: dict[tuple[str, int], str] = {}
    for identifier, line in seen.logged.items():
        other = moments.setdefault((line["customer_id"], line["counted_at"]), identifier)
        if other != identifier:
            found.append(f"{other} and {identifier} of {line['customer_id']} count at {iso(line['counted_at'])}")
    return found


def a_payment_counts_once_in_each_traffic_or_is_named(seen: Seen) -> list[str]:
    """At its merchant, with its device, from its address. One that was logged and given up before they were told is
    done when a night comes between."""
    found = []
    if seen.world.merchant_mapping.given_up:
        return []  # they lie in their queue, and no window misses them the next day
    untold = named_in(seen.world, "merchants were not told")
    for (entity, whose), theirs in seen.traffics.items():
        marks = seen.traffic(entity, whose).remembered
        for identifier in theirs:
            if identifier not in seen.logged:
                continue
            times = marks.count(fingerprint(identifier))
            if times > 1 or (not times and identifier not in untold and identifier not in seen.by_night):
                found.append(f"{identifier} counts {times} times in {entity} of {whose}")
    return found


def a_fraud_that_was_told_counts_once_in_each_traffic(seen: Seen) -> list[str]:
    """And none that nobody has told. Where another payment was asked about under the identifier, that one is it."""
    found = []
    if seen.world.merchant_mapping.given_up:
        return []
    for (entity, whose), theirs in seen.traffics.items():
        marks, told = seen.traffic(entity, whose).labelled, seen.frauds.get((entity, whose), {})
        for identifier in theirs:
            times = marks.count(fingerprint(identifier))
            least = identifier in seen.world.frauds and identifier not in seen.asked_otherwise
            if not least <= times <= (identifier in told):
                found.append(f"the fraud {identifier} counts {times} times in {entity} of {whose}")
    return found


def a_record_of_traffic_is_the_recount_of_what_it_counts(seen: Seen) -> list[str]:
    """Counts, cents and frauds of every window, at the record's own clock: payments come to it in any order. Of a
    payment that was logged twice, at two moments, the log does not say which one the counter was told."""
    found = []
    logged: dict[str, set[int]] = {}
    for _, line in seen.lines:
        logged.setdefault(line["transaction_id"], set()).add(line["counted_at"])
    moments_of = {i: next(iter(at)) for i, at in logged.items() if len(at) == 1}
    for (entity, whose), theirs in seen.traffics.items():
        stored, wanted = seen.traffic(entity, whose), State(TRAFFIC_LAYOUTS[entity])
        marks = set(stored.remembered)
        counted = [i for i in theirs if fingerprint(i) in marks]
        if any(i not in moments_of or seen.paid[i].customer in seen.decided_twice for i in counted):
            continue
        for i in sorted(counted, key=moments_of.__getitem__):
            wanted.apply(payment_event(moments_of[i], seen.paid[i].amount, i))
        for i, told in seen.frauds.get((entity, whose), {}).items():
            if fingerprint(i) in stored.labelled:
                wanted.apply_label(label_event(min(told), 1, identifier=i))
        at = wanted.clock + 1
        if (stored.clock, stored.values(at)) != (wanted.clock, wanted.values(at)):
            found.append(f"{entity} of {whose} differs from the recount of its {len(counted)} payments")
    return found


def what_counts_late_is_told_to_the_lake(seen: Seen) -> list[str]:
    notes = told_late(seen.notes)
    found = []
    elsewhere = counted_elsewhere(seen)
    for customer in set(seen.customers) - seen.decided_twice:
        theirs = [p for i, p in seen.paid.items() if p.customer == customer and i in seen.logged]
        for at, paid in moments(theirs, notes):
            logged = seen.logged[paid.identifier]["counted_at"]
            if at != logged and paid.identifier not in elsewhere:
                found.append(f"{paid.identifier} counts at {iso(logged)}, for the lake at {iso(at)}")
    return found


def what_is_blocked_counts_as_a_block_for_the_lake(seen: Seen) -> list[str]:
    """And nothing else does. But where a night had counted it before a door met it; and where the stream door has
    decided anew, after a batch that came to nothing: others have decided since by what was said first."""
    if "block" not in FRAUD.apart:
        return []
    found = []
    for identifier, line in seen.logged.items():
        told, said = identifier in seen.blocked, line["action"] == "BLOCK"
        excused = identifier in seen.by_night or line["customer_id"] in seen.decided_twice
        if told != said and not excused and not (line["door"] == "stream" and seen.times_met(identifier) > 1):
            found.append(f"{identifier} was decided {line['action']}, and {'counts' if told else 'does not count'} so")
    return found


def every_block_is_told_on_the_topic_or_named(seen: Seen) -> list[str]:
    reached = told_on(seen, wiring.ALERTS) | named_in(seen.world, "not sent: Payment blocked")
    return [
        f"{identifier} was blocked and nobody was told"
        for identifier, line in seen.logged.items()
        if line["action"] == "BLOCK" and identifier not in reached | seen.mistaken
    ]


def every_review_is_told_on_the_topic_or_named(seen: Seen) -> list[str]:
    """And what was let through and would be blocked with all that came before it."""
    reached = told_on(seen, wiring.REVIEWS) | named_in(seen.world, "not sent: Payment to review")
    return [
        f"{identifier} is for a person and nobody was told"
        for identifier, line in seen.logged.items()
        if (line["action"] == "REVIEW" or line["judged_again"] == "BLOCK" != line["action"])
        and identifier not in reached | seen.mistaken
    ]


def told_on(seen: Seen, topic: str) -> set[str]:
    return {json.loads(message)["transaction_id"] for message in seen.world.cloud.topics.messages.get(topic, ())}


def what_is_no_payment_is_set_aside(seen: Seen) -> list[str]:
    """Each record once, or more often where what was taken was put again for want of an answer."""
    aside = sum(key.startswith("quarantine/") for key in seen.world.cloud.bucket.objects)
    return [f"{seen.world.poison} records are no payments, {aside} were set aside"] if aside < seen.world.poison else []


def nothing_else_is_set_aside(seen: Seen) -> list[str]:
    """No payment that may be one, and no decision that a door has made."""
    found = []
    for key, body in seen.world.cloud.bucket.objects.items():
        if not key.startswith("quarantine/"):
            continue
        row = json.loads(body)
        identifier, reason = row.get("transaction_id"), row["reasons"][0]
        if identifier is None:
            continue  # poison
        decision = json.loads(row["line"]).get("decision")
        if decision is None and seen.paid[identifier].at <= seen.world.plan.start + AHEAD:
            found.append(f"{identifier} is set aside: {reason}")
        elif decision is not None and decision["policy_version"] != "forged":
            found.append(f"the answer to {identifier} is set aside: {reason}")
    return found


def the_log_has_each_payment_as_it_came(seen: Seen) -> list[str]:
    """Which is what the night brings to the lake."""
    sent: dict[str, list[dict]] = {}
    for paid in seen.world.plan.payments:
        sent[paid.identifier] = [fields_of_payment(paid), fields_of_payment(other(paid))]
    return [
        f"{line['transaction_id']} is in the log as {line['event']}"
        for _, line in seen.lines
        if (event := json.loads(line["event"])) not in sent[line["transaction_id"]]
        or int(Decimal(event["amount"]) * 100) != line["amount_cents"]
    ]


def a_question_is_refused_with_a_reason_alone(seen: Seen) -> list[str]:
    """400 to what is stamped ahead; 409 to what was decided before, or stands for another payment; 503 when a service
    has failed; and nothing else."""
    found = []
    world = seen.world
    went_wrong = bool(world.plan.faults or world.plan.outages)
    for asked in world.asked:
        paid = asked.paid
        known_before = paid.identifier in seen.put or paid.identifier in seen.asked_otherwise
        allowed = {
            400: paid.at > world.plan.start + AHEAD,
            409: known_before or went_wrong,
            503: went_wrong,
        }
        if asked.status not in (None, 200) and not allowed.get(asked.status, False):
            found.append(f"{paid.identifier} was refused with {asked.status}: {asked.body}")
    return found


def a_question_has_one_answer_and_that_is_logged(seen: Seen) -> list[str]:
    found = []
    given: dict[str, dict] = {}
    forgotten = {asked.paid.identifier for asked in seen.answers if not asked.remembered}  # the table did not answer
    for asked in seen.answers:
        identifier = asked.paid.identifier
        if identifier in seen.contested or identifier in forgotten:
            continue
        said = given.setdefault(identifier, essence(asked.body))
        if said != essence(asked.body):
            found.append(f"{identifier} was answered {said['action']} and {essence(asked.body)['action']}, or anew")
    for identifier, said in given.items():
        logged = seen.logged.get(identifier)
        if logged is not None and essence(logged) != said:
            by = f"{logged['action']} ({logged['door']} door)"
            found.append(f"{identifier} was answered {said['action']}, and the log says {by}")
    return found


def an_identifier_stands_for_one_payment(seen: Seen) -> list[str]:
    """Where the doors met two payments under one identifier, what was answered is what is logged."""
    answered = {a.paid.identifier: (a.body or {}).get("amount_cents") for a in seen.answers}
    return [
        f"{i} was answered for {answered[i]} cents, and the log says {seen.logged[i]['amount_cents']}"
        for i in seen.contested
        if i in answered and i in seen.logged and answered[i] != seen.logged[i]["amount_cents"]
    ]


def essence(decision: dict | None) -> dict:
    names = ("transaction_id", "action", "reasons", "fraud_score", "vector", "model", "policy_version", "degrade_step")
    return {name: (decision or {}).get(name) for name in names}


def the_last_decision_is_the_one_that_the_lake_takes(seen: Seen) -> list[str]:
    return [f"{i} was logged anew, and the lake takes what was logged before" for i in sorted(seen.mistaken)]


def what_was_logged_first_is_what_is_applied(seen: Seen) -> list[str]:
    """A batch that comes again in the same cut keeps its objects in the log: it must not move records otherwise."""
    return [f"{i} stands in the log as it was decided first, and was applied otherwise" for i in sorted(seen.otherwise)]


def an_answer_is_about_the_question(seen: Seen) -> list[str]:
    found = []
    for asked in seen.answers:
        body, fields = asked.body or {}, asked.fields
        said = (body["transaction_id"], body["customer_id"], body["merchant_id"], body["event_time"])
        wanted = tuple(fields[n] for n in ("transaction_id", "customer_id", "merchant_id", "event_time"))
        if said != wanted or f"{body['amount_cents'] / 100:.2f}" != f"{float(fields['amount']):.2f}":
            found.append(f"{asked.paid.identifier}: another question was answered")
    return found


def no_decision_is_believed_that_no_door_has_made(seen: Seen) -> list[str]:
    return [
        f"{line['transaction_id']}: a forged {line['action']} is in the log"
        for _, line in seen.lines
        if line["policy_version"] == "forged"
    ]


def no_change_of_a_document_is_lost(seen: Seen) -> list[str]:
    found = []
    for table in (wiring.RELEASES, wiring.POLICIES):
        item = seen.world.cloud.documents.items[table].get("fraud")
        updates = json.loads(item["body"]["S"])["updates"] if item else []
        known = [mark for where, mark in seen.world.written.acknowledged if where == table]
        found += [f"{table}: {mark} was acknowledged and is gone" for mark in known if mark not in updates]
    return found


def a_decision_is_by_a_policy_that_was_live(seen: Seen) -> list[str]:
    live = {POLICY["version"], *(mark for _, mark in seen.world.written.doubtful)}
    return [
        f"{line['transaction_id']}: decided by {line['policy_version']}"
        for _, line in seen.lines
        if line["policy_version"] not in ("none", "forged") and line["policy_version"].partition("+")[0] not in live
    ]


def nothing_is_given_up_for_good(seen: Seen) -> list[str]:
    return [f"{len(letter.records)} records wait in the failed queue" for letter in seen.world.stream_mapping.given_up]


def named_in(world: World, message: str) -> set[str]:
    """Payments that the doors' own log names under a message."""
    found: set[str] = set()
    for text in world.lines:
        if message in text:
            found |= set(json.loads(text)["transactions"])
    return found


Invariant = Callable[[Seen], list[str]]
INVARIANTS: dict[str, Invariant] = {
    check.__name__: check
    for check in (
        the_schedule_ends_and_no_door_fails_by_itself,
        every_payment_that_was_answered_or_taken_is_decided_and_logged,
        no_answer_is_given_that_the_stream_door_cannot_believe,
        a_payment_counts_once_in_its_customers_record,
        a_record_is_the_recount_of_the_log,
        a_night_counts_a_payment_where_the_log_does,
        a_night_outdates_no_record_that_holds_more,
        a_logged_vector_is_the_recount_unless_it_says_otherwise,
        an_answer_knows_all_that_was_decided_before_unless_it_says_otherwise,
        a_decision_of_the_stream_knows_all_that_was_decided_before_unless_it_says_otherwise,
        an_exact_decision_is_not_overtaken,
        an_answer_that_is_not_exact_has_a_reason,
        payments_of_a_customer_count_at_moments_of_their_own,
        a_payment_counts_once_in_each_traffic_or_is_named,
        a_fraud_that_was_told_counts_once_in_each_traffic,
        a_record_of_traffic_is_the_recount_of_what_it_counts,
        what_counts_late_is_told_to_the_lake,
        what_is_blocked_counts_as_a_block_for_the_lake,
        every_block_is_told_on_the_topic_or_named,
        every_review_is_told_on_the_topic_or_named,
        what_is_no_payment_is_set_aside,
        nothing_else_is_set_aside,
        the_log_has_each_payment_as_it_came,
        a_question_is_refused_with_a_reason_alone,
        a_question_has_one_answer_and_that_is_logged,
        the_last_decision_is_the_one_that_the_lake_takes,
        what_was_logged_first_is_what_is_applied,
        an_answer_is_about_the_question,
        an_identifier_stands_for_one_payment,
        no_decision_is_believed_that_no_door_has_made,
        no_change_of_a_document_is_lost,
        a_decision_is_by_a_policy_that_was_live,
        nothing_is_given_up_for_good,
    )
}


def broken(world: World, asked: dict[str, Invariant] | None = None) -> dict[str, list[str]]:
    """By the name of each invariant that does not hold, what contradicts it. `asked`: all, where none are given."""
    seen = Seen(world)
    found = {name: check(seen) for name, check in (INVARIANTS if asked is None else asked).items()}
    return {name: contradictions for name, contradictions in found.items() if contradictions}
