"""What the API door does with one payment: read, score, decide, remember the answer, hand the event on.

It degrades in named steps instead of failing: `default_features` when the records cannot be read, `rules_only` when the
model cannot be asked, `review` when there is not even a policy. Only when the event cannot be handed on does it answer
with an error, and the same question may be asked again: the first answer stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

from scoring.answers import Answers, OtherQuestion
from scoring.decision import Answer, DegradeStep, decide
from scoring.lists import Key, Lists, Looked, asked
from scoring.live import Release
from scoring.log import warn
from scoring.metrics import emit
from scoring.model import Model
from scoring.policy import Policy
from scoring.records import ALL_BUT_THE_CUSTOMER, Records, StoreUnavailable
from scoring.signing import Signer
from scoring.tails import Entry, Moved, Record, Tail, Tails, fold
from scoring.terms import Terms

from features.payment import Payment
from features.traffic import traffic_at
from features.vector import Knowledge, cells_of, fraud_vector

HANDING_ON = 2  # tries
JUDGED_AGAIN = 2  # times, when another payment of the customer is decided at the same moment
AGAIN_WITHIN = 500  # ms since the payment came: the payer waits


class NotHandedOn(RuntimeError):
    """The stream did not take the event: the decision is not known to anybody, and must be asked for again."""


class DecidedBefore(RuntimeError):
    """Decided, and no answer is kept: it was on the stream, more than a day ago, or while the table was away."""


class NotRemembered(RuntimeError):
    """The payment was decided before, and that answer cannot be read now: another one must not be given."""


@dataclass(frozen=True)
class Seen:
    """What is known for a payment. `tail` is none where it cannot be told what was decided meanwhile; `record` is the
    customer's own, without it."""

    known: Knowledge
    step: DegradeStep
    tail: Tail | None
    record: Record = Record()  # noqa: RUF009 - it is frozen
    looked: Looked = Looked()  # noqa: RUF009 - it is frozen
    is_named: bool = False  # whether the tail names the payment, where nothing else was made of it

    def knows(self, payment: Payment) -> bool:
        """Whether a door has decided on the payment before."""
        customer, identifier = self.known.customer, payment.transaction_id
        return self.is_named or (customer.knows(identifier) and not customer.awaits(identifier))

    def appended(self, payment: Payment, decision: dict) -> tuple[str, Tail, Tail] | None:
        """The customer, the tail, and the tail with the decision; none where everybody else cannot be told of it."""
        if self.tail is None:
            return None
        entry = Entry.of(payment, decision["counted_at"], decision["action"] == "BLOCK")
        after = self.tail.appended(self.record, [entry])
        return None if after.is_full else (decision["customer_id"], self.tail, after)


@dataclass(frozen=True)
class Answered:
    """The answer: whether it was given before, whether its payment is in the customer's record, whether it is kept."""

    document: dict
    before: bool = False
    applied: bool = False
    remembered: bool = True
    judged_again: int = 0


@dataclass(frozen=True)
class ApiDoor:
    """`now` gives milliseconds since 1970; `stream` is a Kinesis client; `beside` reads tail and lists beside the
    records."""

    records: Records
    model: Model
    release: Release
    terms: Terms
    answers: Answers
    tails: Tails
    lists: Lists
    beside: Executor
    signer: Signer
    stream: Any
    stream_name: str
    now: Callable[[], int]

    def taken_in(self, fields: object) -> Payment:
        """Raises InvalidPayment, and TermsUnread where it cannot be told now what the payment says."""
        return self.terms.payment(fields, self.now())

    def decide(self, payment: Payment, fields: Mapping) -> dict:
        """The decision's document. Raises OtherQuestion, DecidedBefore, NotHandedOn, NotRemembered."""
        arrived = self.now()
        seen = self._see(payment)
        answered = self._again(payment) if seen.knows(payment) else self._decided(payment, fields, seen, arrived)
        document = answered.document
        if not answered.applied:
            self._hand_on(document, fields, answered.remembered)
        emit(
            {"door": "api"},
            decisions=int(not answered.before),
            repeated=int(answered.before),
            unremembered=int(not answered.remembered),
            decision_ms=self.now() - arrived,
            # An answer that a door of an earlier version has kept may say less.
            degraded=int(document["degrade_step"] != "none"),
            unread_traffic=int(document.get("traffic") is None),
            unread_lists=int(document.get("listed", []) is None),
            inexact_velocity=int(not answered.before and not document["velocity_exact"]),
            judged_again=answered.judged_again,
        )
        return document

    def _see(self, payment: Payment) -> Seen:
        """Records, tail and lists, read at once."""
        keys = self.release.asked(payment)
        if not keys:
            return self._records_and_tail(payment)
        looked = self.beside.submit(self._look, keys)
        return replace(self._records_and_tail(payment), looked=looked.result())

    def _look(self, keys: list[Key]) -> Looked:
        """Whatever ails the table, the payer gets an answer: rules that look at lists are silent in it."""
        try:
            return self.lists.look(keys)
        except Exception as failed:
            warn("lists were not read", failed)
            return Looked(frozenset(keys), None)

    def _records_and_tail(self, payment: Payment) -> Seen:
        tail = self.beside.submit(self.tails.of, payment.customer_id)
        try:
            (known,) = self.records.about([payment], ALL_BUT_THE_CUSTOMER)
        except StoreUnavailable:
            return Seen(Knowledge.nothing(), "default_features", None, is_named=self._is_named(payment, tail))
        try:
            return self._joined(payment, known, tail.result())
        except Exception as failed:  # whatever ails the table, the payer gets an answer, which is marked
            warn("the customer's tail was not read", failed)
            return Seen(known, step_of(known), None)

    @staticmethod
    def _is_named(payment: Payment, tail: Future[Tail]) -> bool:
        """Whether a door has decided on the payment, though no record can be read."""
        try:
            return tail.result().names(payment.transaction_id)
        except Exception as failed:
            warn("the customer's tail was not read", failed)
            return False

    def _joined(self, payment: Payment, known: Knowledge, tail: Tail) -> Seen:
        """The records with what is decided and not in them yet."""
        if not tail.joins(Record.of(known.customer)):  # what was dropped from the tail is in a later record
            try:
                known = self.records.about([payment], ALL_BUT_THE_CUSTOMER)[0]
            except StoreUnavailable:
                return Seen(known, step_of(known), None, is_named=tail.names(payment.transaction_id))
            if not tail.joins(Record.of(known.customer)):
                return Seen(known, step_of(known), None, is_named=tail.names(payment.transaction_id))
        record = Record.of(known.customer)
        fold(known.customer, tail)
        return Seen(known, step_of(known), tail, record)

    def _tail(self, payment: Payment) -> Tail | None:
        try:
            return self.tails.of(payment.customer_id)
        except Exception as failed:
            warn("the customer's tail was not read", failed)
            return None

    def _after(self, payment: Payment, seen: Seen, tail: Tail) -> Seen:
        """What is seen when the tail has moved; `tail` is what it is now."""
        if not tail.joins(seen.record):
            return replace(self._joined(payment, seen.known, tail), looked=seen.looked)
        fold(seen.known.customer, tail)
        return replace(seen, tail=tail)

    def _again(self, payment: Payment) -> Answered:
        """A door has decided on the payment before, as its customer's record says: that answer stands."""
        try:
            earlier = self.answers.earlier(payment)
        except OtherQuestion:
            raise
        except Exception as failed:
            warn("the answer is not remembered", failed)
            emit({"door": "api"}, unremembered=1)
            raise NotRemembered from failed
        if earlier is None:  # another decision on it would reach no log
            emit({"door": "api"}, repeated=1)
            raise DecidedBefore(f"transaction_id {payment.transaction_id}: decided before, see the decision log")
        return Answered(earlier.decision, before=True, applied=earlier.applied)

    def _decided(self, payment: Payment, fields: Mapping, seen: Seen, arrived: int) -> Answered:
        """The decision, judged again when the customer's tail has moved meanwhile."""
        document, seen = self._judged(payment, seen, arrived)
        again = 0
        event = {name: value for name, value in fields.items() if name != "decision"}
        while True:
            appended = seen.appended(payment, document)
            document["velocity_exact"] = appended is not None
            try:
                earlier = self.answers.claim(payment, document, event, appended and self.tails.put(*appended))
            except OtherQuestion:
                raise
            except Moved as moved:
                tail = moved.tail or self._tail(payment)
                if tail is not None and tail.names(payment.transaction_id):
                    return self._again(payment)
                if tail is None or again == JUDGED_AGAIN or self.now() - arrived > AGAIN_WITHIN:
                    seen = replace(seen, tail=None)
                    continue
                again += 1
                seen = self._after(payment, seen, tail)
                if seen.knows(payment):
                    return self._again(payment)
                document, seen = self._judged(payment, seen, arrived)
            except Exception as failed:  # whatever ails the table, the payer gets an answer; it counts once
                warn("the answer is not remembered", failed)
                document["velocity_exact"] = False
                return Answered(document, remembered=False, judged_again=again)
            else:
                if earlier is None:
                    return Answered(document, judged_again=again)
                return Answered(earlier.decision, before=True, applied=earlier.applied, judged_again=again)

    def _judged(self, payment: Payment, seen: Seen, arrived: int) -> tuple[dict, Seen]:
        """The decision's document, and what is seen with the lists that it was made by."""
        step, known = seen.step, seen.known
        counted_at = known.counts_at(payment.at, arrived)
        cells = cells_of(payment.at, payment.further)
        vector = fraud_vector(payment.at, counted_at, payment.amount, payment.merchant_id, known, cells)
        try:
            (said,) = self.model.score([vector])
        except Exception as failed:  # whatever ails the endpoint, the payer gets an answer
            warn("endpoint did not answer", failed)
            step, said = "rules_only", Answer(None, None)
        policy = self.release.policy_or_none(said.model)
        seen = replace(seen, looked=self._looked(payment, policy, seen.looked))
        document = decide(
            payment,
            vector,
            said,
            policy,
            traffic=traffic_at(known.traffic, counted_at),
            step="review" if policy is None else step,
            door="api",
            counted_at=counted_at,
            arrived_at=arrived,
            decided_at=self.now(),
            velocity_exact=False,
            feature_version=known.feature_version,
            marks=seen.looked.marks,
        ).document()
        return document, seen

    def _looked(self, payment: Payment, policy: Policy | None, looked: Looked) -> Looked:
        """Read with the records, but for a policy that has come since."""
        wanted = asked(policy, payment) if policy is not None else []
        return looked if looked.keys.issuperset(wanted) else self._look(wanted)

    def _hand_on(self, document: dict, fields: Mapping, is_kept: bool) -> None:
        """The stream door applies the payment to the state and logs the decision: one writer per customer. It believes
        what is signed, or kept."""
        event = json.dumps(self._signed({**fields, "decision": document}, is_kept)).encode()
        for left in reversed(range(HANDING_ON)):
            try:
                self.stream.put_record(StreamName=self.stream_name, PartitionKey=document["customer_id"], Data=event)
                return
            except Exception as failed:
                warn("the stream did not take the event", failed)
                if not left:
                    emit({"door": "api"}, not_handed_on=1)
                    raise NotHandedOn(type(failed).__name__) from None

    def _signed(self, event: dict, is_kept: bool) -> dict:
        """Unsigned while KMS is away: the stream door then looks whether the answer is kept."""
        try:
            signature = self.signer.sign(event)
        except Exception as failed:
            warn("the decision is not signed", failed)
            if not is_kept:
                emit({"door": "api"}, not_handed_on=1)
                raise NotHandedOn(type(failed).__name__) from None
            return event
        return {**event, "decision": {**event["decision"], "signature": signature}}


def step_of(known: Knowledge) -> DegradeStep:
    return "none" if known.whole else "default_features"
