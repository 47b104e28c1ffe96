"""What the stream door does with a batch.

Order of writes: tails, alerts and reviews, the decision log, the merchants' stream, what came late, the online records.
After a crash the payments that were not yet applied come again; what was logged of the very same payments stands,
whatever the model would say now, and a payment that was applied is known by its identifier: it counts once, as long as
no PAYMENTS_KNOWN others of its customer lie between. One that the lake has counted before a door met it, because it
waited over a night, is decided and logged and not counted again. Where a batch came again in another cut the log may
hold a decision twice, and an alert may come twice, as SNS delivers; neither is lost by a crash. A batch that was logged
and then given up is decided anew when it is replayed, and later than before: the last decision was applied. Unless a
night comes between: then what was logged is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from scoring.answers import Answers
from scoring.decision import Answer, DegradeStep, decide, is_of_these_features, seen_by_rules
from scoring.lists import Lists
from scoring.live import Release
from scoring.log import warn
from scoring.merchants import MerchantStream
from scoring.metrics import emit
from scoring.model import Model
from scoring.policy import Policy
from scoring.records import Records
from scoring.signing import Verifier
from scoring.tails import Entry, Record, Tail, Tails
from scoring.terms import Terms

from features.fraud import FRAUD
from features.payment import Payment
from features.state import State
from features.traffic import traffic_at
from features.values import iso
from features.vector import Knowledge, cells_of, fraud_vector
from stream.arrival import FORGED, Arrival, parse, source_of
from stream.ordering import by_customer, in_order, needed
from stream.quarantine import Quarantine
from stream.sinks import DecisionLog, LateLog, Topic

JUDGED_AGAIN = 2  # times, when the API door decides on another payment of the customer at the same moment
AGAIN_WITHIN = 10_000  # ms since the batch came: the shard waits
BLOCKS_APART = "block" in FRAUD.apart  # then what was blocked is in no vector


@dataclass(frozen=True)
class Taken:
    """What is new of a batch, the customers' states after it, their records before it, and their tails, as far as they
    could be read."""

    fresh: list[Arrival]
    customers: dict[str, State]
    records: dict[str, Record]
    tails: dict[str, Tail]
    unsure: set[str]  # customers of whom what was decided before is not known to the last


@dataclass(frozen=True)
class StreamDoor:
    """`now` gives milliseconds since 1970."""

    records: Records
    model: Model
    release: Release
    terms: Terms
    log: DecisionLog
    late: LateLog
    alerts: Topic
    reviews: Topic
    merchants: MerchantStream
    answers: Answers
    tails: Tails
    lists: Lists
    verifier: Verifier
    quarantine: Quarantine
    now: Callable[[], int]

    def take(self, records: list[dict]) -> None:
        """Handles a Kinesis batch. What is no payment is set aside and holds up nobody.

        Raises TermsUnread: without a rate that there may be nobody knows whether a payment is one. Nor is it known
        while KMS does not answer whose decision it is that comes with it.
        """
        arrivals, poison = parse(records, self.terms, self)
        for found in poison:
            self.quarantine.put("door", found.source, found.arrived_at, found.row, found.reason)
            told = {"level": "ERROR", "message": "poison record", "sequence": found.source.sequence}
            print(json.dumps({**told, "reason": found.reason}))
        if poison:
            emit({"door": "stream"}, poison=len(poison), forged=sum(found.reason == FORGED for found in poison))
        if arrivals:
            self._handle(arrivals, source_of(records[0]).shard)

    def is_signed(self, event: dict, signature: object) -> bool:
        return self.verifier.is_signed(event, signature)

    def kept(self, identifiers: set[str]) -> dict[str, dict]:
        return self.answers.kept(identifiers)

    def _handle(self, arrivals: list[Arrival], shard: str) -> None:
        unsent = unreviewed = untold = 0
        fresh: list[Arrival] = []
        moved: dict[str, State] = {}
        left = arrivals
        begun = self.now()
        for turn in range(JUDGED_AGAIN + 1):
            found = self._taken([replace(a) for a in left])
            lost = self._claim(found)
            if turn == JUDGED_AGAIN or self.now() - begun > AGAIN_WITHIN:
                lost = set()
            done = [a for a in found.fresh if a.payment.customer_id not in lost]
            fresh += done
            moved |= {a.payment.customer_id: found.customers[a.payment.customer_id] for a in done}
            left = [a for a in left if a.payment.customer_id in lost]
            if not left:
                break
        self._judge_again([a for a in fresh if a.differs])
        self._explain([a for a in fresh if a.decision is not None and a.decision["action"] != "APPROVE"])
        documents = []
        if fresh:
            documents = [logged(a) for a in fresh]
            # Once it is logged a payment may be taken as done, by a night that comes between: what nothing could make
            # good comes first.
            unsent = self.alerts.send([d for d in documents if "BLOCK" in (d["action"], d.get("judged_again"))])
            unreviewed = self.reviews.send([d for d in documents if is_for_a_person(d)])
            documents = self.log.write(shard, [(a.sequence, d) for a, d in zip(fresh, documents, strict=True)])
            moved |= self._as_logged(fresh, documents)
            untold = self.merchants.tell([(a.payment, a.counted_at) for a in fresh])
            self.late.write([noted(a, d) for a, d in zip(fresh, documents, strict=True) if is_noted(a, d)])
            self.records.write("customer", moved, max(a.arrived_at for a in fresh))
        self._note(dict.fromkeys([*answered_before(arrivals), *answered_before(fresh)]))
        now = self.now()
        emit(
            {"door": "stream"},
            decisions=len(documents),
            repeated=max(0, len(arrivals) - len(fresh)),
            blocked=sum(d["action"] == "BLOCK" for d in documents),
            degraded=sum(d["degrade_step"] != "none" for d in documents),
            unsent_alerts=unsent,
            unsent_reviews=unreviewed,
            untold_merchants=untold,
            unread_traffic=sum(d["traffic"] is None for d in documents),
            unread_lists=sum(d.get("listed", []) is None for d in documents),
            overtaken=sum(d["overtaken"] for d in documents),
            overtaken_blocks=sum(was_let_through(d) for d in documents),
            inexact_velocity=sum(not d.get("velocity_exact") for d in documents),
            oldest_ms=now - min(a.arrived_at for a in arrivals),
        )

    def _taken(self, arrivals: list[Arrival]) -> Taken:
        """Arrivals in the order in which they count, with what was decided before them, judged where nobody has."""
        known = self.records.about([a.payment for a in arrivals])
        about = {id(a): k for a, k in zip(arrivals, known, strict=True)}
        customers = {a.payment.customer_id: k.customer for a, k in zip(arrivals, known, strict=True)}
        records = {name: Record.of(state) for name, state in customers.items()}
        tails = self._tails(customers)
        under_way = {name: tails[name].beyond(records[name]) if name in tails else () for name in customers}
        groups = by_customer(arrivals)
        wanted = {name: needed(group, under_way[name]) for name, group in groups.items()}
        kept = self._kept([i for identifiers in wanted.values() for i in identifiers])
        unsure = {name for name, identifiers in wanted.items() if identifiers} if kept is None else set()
        ordered = [a for name, group in groups.items() for a in in_order(group, under_way[name], kept or {})]
        added = [a for a in ordered if id(a) not in about]
        if added:
            for arrival, further in zip(added, self.records.about([a.payment for a in added]), strict=True):
                about[id(arrival)] = replace(further, customer=customers[arrival.payment.customer_id])
        fresh = self._judged([(a, about[id(a)]) for a in ordered], customers)
        return Taken(fresh, customers, records, tails, unsure)

    def _judged(self, arrivals: list[tuple[Arrival, Knowledge]], customers: dict[str, State]) -> list[Arrival]:
        """Vectors and new states in order, and decisions where nobody has made one; what was applied before is left
        out.

        What is blocked here is paid in no vector after it. Vectors of a batch are scored at once: so at first none of
        its payments is taken for blocked, and where that was wrong all that the customer paid is counted once more, by
        what was decided, until nothing changes. With each turn one more of his payments is right for good; a model that
        changes its mind meanwhile ends it all the same, and the lake is told how each counts.
        """
        open_ = {a.payment.customer_id for a, _ in arrivals if a.decision is None} if BLOCKS_APART else set()
        before = {name: customers[name].copy() for name in open_}
        for arrival, _ in arrivals:
            arrival.blocked = counts_as_blocked(arrival, arrival.decision)
        fresh = self._apply(arrivals)
        here = [a for a in fresh if a.decision is None]
        self._score(here)
        for _ in range(len(here) + 1):
            wrong = {a.payment.customer_id for a in here if counts_as_blocked(a, a.decision) != a.blocked}
            if not wrong:
                break
            for name in wrong:
                customers[name] = before[name].copy()
            anew = [a for a in here if a.payment.customer_id in wrong]
            made = {id(a): (a.vector, a.decision) for a in anew}
            for arrival in anew:
                arrival.blocked, arrival.decision = counts_as_blocked(arrival, arrival.decision), None
            theirs = [(a, k) for a, k in arrivals if a.payment.customer_id in wrong]
            self._apply([(a, replace(k, customer=customers[a.payment.customer_id])) for a, k in theirs])
            for arrival in anew:
                vector, decision = made[id(arrival)]
                arrival.decision = decision if arrival.vector == vector else None
            self._score([a for a in anew if a.decision is None])
        return fresh

    def _tails(self, customers: Iterable[str]) -> dict[str, Tail]:
        """Nothing where the table does not answer: decisions are made without it, and marked."""
        try:
            return self.tails.read(customers)
        except Exception as failed:
            warn("tails were not read", failed)
            return {}

    def _kept(self, identifiers: list[str]) -> dict[str, dict] | None:
        """None where they cannot be read: what was decided before then counts when it arrives."""
        try:
            return self.answers.kept(identifiers) if identifiers else {}
        except Exception as failed:
            warn("kept answers were not read", failed)
            return None

    def _claim(self, taken: Taken) -> set[str]:
        """Appends what was decided here to the customers' tails. Returns customers of whom the API door has decided on
        another payment meanwhile. Decisions of the others say whether everybody knows of them."""
        appended: dict[str, tuple[str, Tail, Tail]] = {}
        made = {n: [a for a in own if a.is_new] for n, own in by_customer(taken.fresh).items()}
        for name, own in made.items():
            tail = taken.tails.get(name)
            if own and tail is not None and tail.joins(taken.records[name]):
                entries = [Entry.of(a.payment, a.counted_at, a.blocked) for a in own]
                after = tail.appended(taken.records[name], entries)
                if not after.is_full:
                    appended[name] = name, tail, after
        try:
            lost = self.tails.append([*appended.values()]) if appended else set()
        except Exception as failed:
            warn("tails were not written", failed)
            return set()
        for name in appended.keys() - lost - taken.unsure:
            for arrival in made[name]:
                arrival.decision = {**(arrival.decision or {}), "velocity_exact": True}
        return lost

    @staticmethod
    def _apply(arrivals: list[tuple[Arrival, Knowledge]]) -> list[Arrival]:
        """Vectors and new states in order; what was applied before is left out."""
        fresh = []
        for arrival, about in arrivals:
            payment, customer = arrival.payment, about.customer
            counted = customer.awaits(payment.transaction_id)
            if customer.knows(payment.transaction_id) and not counted:
                continue
            # The door that answered the payer has said when the payment came.
            arrived = arrival.arrived_at if arrival.decision is None else arrival.decision["arrived_at"]
            at = about.counts_at(payment.at, arrived)
            if arrival.decided_for is not None and arrival.decided_for > customer.clock:
                at = arrival.decided_for
            cells = cells_of(payment.at, payment.further)
            arrival.vector = fraud_vector(payment.at, at, payment.amount, payment.merchant_id, about, cells)
            arrival.feature_version = about.feature_version
            arrival.traffic = traffic_at(about.traffic, at)
            if counted:  # by the lake, where it happened: what the record says now has seen the payment itself
                customer.end_waiting(payment.transaction_id)
                arrival.counted_at, arrival.overtaken, arrival.by_lake = payment.at, True, True
                arrival.blocked = False
            else:
                shop, identifier, blocked = payment.merchant_id, payment.transaction_id, arrival.blocked
                arrival.counted_at = customer.pay(at, payment.amount, shop, identifier, cells, blocked)
            if arrival.decision is not None:
                # Vectors of other features cannot be compared, and nothing that compares them later asks.
                arrival.differs = (
                    not counted
                    and is_of_these_features(arrival.decision)
                    and arrival.decision["vector"] != arrival.vector
                )
                overtaken = arrival.overtaken or arrival.differs
                arrival.decision = {**arrival.decision, "counted_at": arrival.counted_at, "overtaken": overtaken}
            fresh.append(arrival)
        return fresh

    def _as_logged(self, fresh: list[Arrival], documents: list[dict]) -> dict[str, State]:
        """States of customers of whom the log says another moment than was found now, or another action: a batch that
        comes again after a crash is not put in order anew."""
        told = sorted(zip(fresh, documents, strict=True), key=lambda pair: pair[1]["counted_at"])
        others = [
            a.payment.customer_id
            for a, d in told
            if d["counted_at"] != a.counted_at or counts_as_blocked(a, d) != a.blocked
        ]
        if not others:
            return {}
        states = self.records.read({"customer": dict.fromkeys(others)})["customer"]
        for arrival, document in told:
            payment, state = arrival.payment, states.get(arrival.payment.customer_id)
            if state is None:
                continue
            arrival.counted_at, arrival.blocked = document["counted_at"], counts_as_blocked(arrival, document)
            if state.awaits(payment.transaction_id):
                state.end_waiting(payment.transaction_id)
            else:
                shop, cells = payment.merchant_id, cells_of(payment.at, payment.further)
                state.pay(arrival.counted_at, payment.amount, shop, payment.transaction_id, cells, arrival.blocked)
        return states

    def _note(self, identifiers: Iterable[str]) -> None:
        """Repetitions of these questions need not be handed on any more. Without the note they are, and count once."""
        try:
            self.answers.applied(identifiers)
        except Exception as failed:
            warn("answers were not noted", failed)

    def _score(self, arrivals: list[Arrival]) -> None:
        if not arrivals:
            return
        step: DegradeStep = "none"
        try:
            answers = self.model.score([a.vector for a in arrivals if a.vector is not None])
        except Exception as failed:  # whatever ails the endpoint, the shard must go on
            warn("endpoint did not answer", failed)
            step, answers = "rules_only", [Answer(None, None)] * len(arrivals)
        policy = self.release.policy_or_none(answers[0].model)
        if policy is None:
            step = "review"
        marks = self._marks(policy, [a.payment for a in arrivals])
        for arrival, answer, listed in zip(arrivals, answers, marks, strict=True):
            decision = decide(
                arrival.payment,
                arrival.vector,
                answer,
                policy,
                traffic=arrival.traffic,
                step=step,
                door="stream",
                counted_at=arrival.counted_at,
                arrived_at=arrival.arrived_at,
                decided_at=self.now(),
                # What the tail names was claimed before a batch that came to nothing.
                velocity_exact=arrival.decided_for is not None,
                feature_version=arrival.feature_version,
                marks=listed,
            )
            arrival.is_new = arrival.decided_for is None
            arrival.decision = {**decision.document(), "overtaken": arrival.overtaken}

    def _marks(self, policy: Policy | None, payments: list[Payment]) -> list[frozenset[str] | None]:
        """On which lists payments are; nothing is known of any where the table does not answer."""
        if policy is None:
            return [frozenset()] * len(payments)
        try:
            return list(self.lists.marks(policy, payments))
        except Exception as failed:
            warn("lists were not read", failed)
            return [None] * len(payments)

    def _judge_again(self, overtaken: list[Arrival]) -> None:
        """Which action they would have got that were answered without earlier payments of the customer."""
        if not overtaken:
            return
        try:
            answers = self.model.score([a.vector for a in overtaken if a.vector is not None])
        except Exception as failed:
            warn("endpoint did not answer", failed)
            answers = [Answer(None, None)] * len(overtaken)
        policy = self.release.policy_or_none(answers[0].model)
        for arrival, answer in zip(overtaken, answers, strict=True):
            if policy is not None and arrival.decision is not None:
                seen = seen_by_rules(arrival.payment, arrival.vector, arrival.traffic)
                listed = arrival.decision.get("listed")
                marks = None if listed is None else frozenset(listed)
                at = arrival.decision["decided_at"]
                action, _ = policy.judge(answer.score, seen, arrival.payment, at, marks)
                arrival.decision = {**arrival.decision, "judged_again": action}

    def _explain(self, flagged: list[Arrival]) -> None:
        """Tells reviewers what the model saw. Without the endpoint's answer they have reasons only, and so when another
        model than the one that scored has answered, as during a release."""
        scored = [
            a
            for a in flagged
            if a.decision is not None and a.decision["fraud_score"] is not None and is_of_these_features(a.decision)
        ]
        if not scored:
            return
        try:
            told = self.model.explain([a.decision["vector"] for a in scored if a.decision is not None])
            for arrival, explanation in zip(scored, told.reasons, strict=True):
                if arrival.decision is not None and arrival.decision["model"] == told.model:
                    arrival.decision = {**arrival.decision, "explanation": explanation}
        except Exception as failed:  # whatever ails the endpoint, the shard must go on
            print(json.dumps({"level": "WARN", "message": "scores were not explained", "error": type(failed).__name__}))


def is_block(decision: Mapping | None) -> bool:
    return decision is not None and decision["action"] == "BLOCK"


def counts_as_blocked(arrival: Arrival, decision: Mapping | None) -> bool:
    """Whether a payment with this decision counts among blocks: as it was decided first, by which others have decided
    since, and never where the lake has counted it as paid."""
    if not BLOCKS_APART or arrival.by_lake:
        return False
    if arrival.decided_block is not None and not (decision and decision["door"] == "api"):
        return arrival.decided_block
    return is_block(decision)


def is_noted(arrival: Arrival, document: Mapping) -> bool:
    """Whether the lake cannot know by itself how the payment counts: at another moment than its stamp, or among blocks.
    Of a decision that no tail holds it may have been told otherwise, before a batch that came to nothing."""
    if iso(document["counted_at"]) != document["event_time"]:
        return True
    is_known = document["door"] == "api" or document.get("velocity_exact")
    return BLOCKS_APART and not arrival.by_lake and (arrival.blocked or not is_known)


def noted(arrival: Arrival, document: Mapping) -> dict:
    return {**document, "blocked": int(arrival.blocked)}


def logged(arrival: Arrival) -> dict:
    """The decision as the log has it: with every column of its payment, and the payment as it came."""
    payment = {"attributes": json.dumps(arrival.payment.further), "event": json.dumps(arrival.event)}
    return {**(arrival.decision or {}), **payment}


def answered_before(arrivals: Iterable[Arrival]) -> list[str]:
    """Payments that the API door has decided on."""
    return [a.payment.transaction_id for a in arrivals if a.decision is not None and a.decision["door"] == "api"]


def was_let_through(document: dict) -> bool:
    """Whether it would have been blocked, had the door known what came before."""
    return document.get("judged_again") == "BLOCK" != document["action"]


def is_for_a_person(document: dict) -> bool:
    return document["action"] == "REVIEW" or was_let_through(document)
