"""What is asked of cases over the API: one method a route. Who asks is who signed, never what a body says."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoring.caller import SUBJECT
from scoring.log import warn
from scoring.metrics import emit

from cases import case as cases_of
from cases.case import STATES, WORDS, Case, Level, Verdict
from cases.finishing import Finisher, answer_of
from cases.table import Cases, NoPlace, Whole
from features.cards import holds_card
from features.payment import LONGEST_IDENTIFIER, storable
from features.values import iso

LONGEST_WHY = 2000
MOST_OTHERWISE = 100  # payments of a case that were decided otherwise than the case
PAGE = 50
MOST = re.compile(r"[1-9][0-9]{0,2}")
LONGEST_PLACE = 1000  # of each part of where a page begins
LARGEST_PAGE = 200
NO_PLACE = "after: expected what the page before gave"
SIGNER = r"arn:aws[a-z-]*:(sts::[0-9]{12}:assumed-role/[A-Za-z0-9_+=,.@/-]+|iam::[0-9]{12}:user/[A-Za-z0-9_+=,.@/-]+)"
WHO = re.compile(f"({SIGNER}|jwt:{SUBJECT})")


class InvalidRequest(ValueError):
    """The request is none of the route's. The text never repeats a value."""


class Unfinished(RuntimeError):
    """It is decided, and labels and answers follow."""


class Owed(RuntimeError):
    """It stays decided: what is owed of it must be sent before it is reopened."""


@dataclass(frozen=True)
class Request:
    """`by` is the ARN of who signed."""

    by: str
    identifier: str
    query: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class CasesDoor:
    """`now` gives ms since 1970; a lock lasts for `lock_ms`; a case ought to be decided within `service_ms`."""

    cases: Cases
    finisher: Finisher
    now: Callable[[], int]
    lock_ms: int
    service_ms: int

    def next(self, asked: Request) -> dict:
        return self._next(asked, "reviewer")

    def next_escalated(self, asked: Request) -> dict:
        return self._next(asked, "lead")

    def _next(self, asked: Request, level: Level) -> dict:
        expect(asked.body)
        found = self.cases.next(asked.by, self.lock_ms, level)
        emit({"door": "cases"}, claimed=int(found is not None))
        return {"case": None} if found is None else told(self.cases.whole(found.id))

    def show(self, asked: Request) -> dict:
        return told(self.cases.whole(asked.identifier))

    def listing(self, asked: Request) -> dict:
        """A page of the cases in a state, or all of a customer."""
        query = dict(asked.query)
        if set(query) == {"customer_id"}:
            return {"cases": [shown(case) for case in self.cases.of_customer(query["customer_id"])], "after": None}
        state, after, most = query.pop("state", "OPEN"), query.pop("after", ""), query.pop("most", str(PAGE))
        if query or state not in STATES:
            raise InvalidRequest(f"expected state={'|'.join(STATES)}, after, most, or customer_id alone")
        if not MOST.fullmatch(most) or int(most) > LARGEST_PAGE:
            raise InvalidRequest(f"expected most of 1 to {LARGEST_PAGE}")
        try:
            page = self.cases.listed(state, int(most), read_place(after, state), newest_first=state == "DECIDED")
        except NoPlace:
            raise InvalidRequest(NO_PLACE) from None
        return {"cases": [shown(case) for case in page.cases], "after": place(page.after)}

    def claim(self, asked: Request) -> dict:
        expect(asked.body)
        return self._changed(asked, lambda case: cases_of.claim(case, asked.by, self.now(), self.lock_ms))

    def release(self, asked: Request) -> dict:
        expect(asked.body)
        return self._changed(asked, lambda case: cases_of.release(case, asked.by))

    def escalate(self, asked: Request) -> dict:
        expect(asked.body, "why")
        why = sentence(asked.body, "why")
        return self._changed(asked, lambda case: cases_of.escalate(case, asked.by, why))

    def comment(self, asked: Request) -> dict:
        expect(asked.body, "text")
        text = sentence(asked.body, "text")
        return self._changed(asked, lambda case: cases_of.comment(case, asked.by, text))

    def reassign(self, asked: Request) -> dict:
        expect(asked.body, "to", "why")
        to, why = asked.body["to"], sentence(asked.body, "why")
        if not isinstance(to, str) or not WHO.fullmatch(to):
            raise InvalidRequest(
                "to: expected the ARN of a user or a role's session, or a token's subject, as `holder` shows it"
            )
        now = self.now()
        return self._changed(asked, lambda case: cases_of.reassign(case, asked.by, to, why, now, self.lock_ms))

    def reopen(self, asked: Request) -> dict:
        expect(asked.body, "why")
        why = sentence(asked.body, "why")
        try:
            self._finish(asked.identifier)
        except Unfinished as failed:
            raise Owed from failed
        now = self.now()
        self.cases.reopen(asked.identifier, lambda case: cases_of.reopen(case, asked.by, why, now, self.lock_ms))
        return self.show(asked)

    def decide(self, asked: Request) -> dict:
        verdict = verdict_of(asked.body)
        now, before = self.now(), self.cases.whole(asked.identifier)
        unknown = verdict.otherwise.keys() - set(before.identifiers)
        if unknown:
            raise InvalidRequest(f"otherwise: {len(unknown)} of its payments are not of the case")
        case = self.cases.change(asked.identifier, lambda case: cases_of.decide(case, asked.by, verdict, now))
        if case.decided_at == now and case.decided_by == asked.by:
            emit(
                {"door": "cases"},
                decided=1,
                decided_in_time=int(now - case.begun_at <= self.service_ms),
                to_decision_ms=now - case.begun_at,
                handling_ms=now - (case.claimed_at or now),
            )
        self._finish(asked.identifier)
        return self.show(asked)

    def answer(self, asked: Request) -> dict:
        """What became of a payment, for a payer who waits."""
        if set(asked.query) != {"transaction_id"}:
            raise InvalidRequest("expected transaction_id=<the payment's> and nothing else")
        payment = asked.query["transaction_id"]
        return answer_of(self.cases.of_payment(payment), payment)

    def _changed(self, asked: Request, change: Callable[[Case], cases_of.Changed]) -> dict:
        return shown(self.cases.change(asked.identifier, change))

    def _finish(self, identifier: str) -> None:
        """Raises Unfinished: the watch goes on with it."""
        try:
            self.finisher.finish(identifier)
        except LookupError:
            raise
        except Exception as failed:
            warn("a case is decided, and its labels or answers follow", failed)
            raise Unfinished from failed


def expect(body: Mapping[str, Any], *names: str) -> None:
    """Raises InvalidRequest."""
    if set(body) != set(names):
        wanted = f"a JSON object with {' and '.join(names)} and nothing else" if names else "no body, or {}"
        raise InvalidRequest(f"expected {wanted}")


def sentence(body: Mapping[str, Any], name: str) -> str:
    """Raises InvalidRequest."""
    said = body[name]
    if not isinstance(said, str) or not said.strip() or len(said) > LONGEST_WHY or not storable(said):
        raise InvalidRequest(f"{name}: expected a text of 1 to {LONGEST_WHY} characters, each whole")
    if holds_card(said):
        raise InvalidRequest(f"{name}: it holds what looks like a card number")
    return said.strip()


def verdict_of(body: Mapping[str, Any]) -> Verdict:
    """Raises InvalidRequest."""
    if not {"decision", "why", "seen"} <= set(body) <= {"decision", "why", "seen", "otherwise"}:
        raise InvalidRequest(
            "expected a JSON object with decision, why, seen (how many payments you saw), may have otherwise, and "
            "nothing else"
        )
    seen, otherwise = body["seen"], body.get("otherwise", {})
    if body["decision"] not in WORDS:
        raise InvalidRequest(f"decision: expected {' or '.join(WORDS)}")
    if isinstance(seen, bool) or not isinstance(seen, int):
        raise InvalidRequest("seen: expected how many payments of the case you saw")
    if not isinstance(otherwise, Mapping) or len(otherwise) > MOST_OTHERWISE:
        raise InvalidRequest(f"otherwise: expected an object of at most {MOST_OTHERWISE} payments")
    if not all(len(name) <= LONGEST_IDENTIFIER and word in WORDS for name, word in otherwise.items()):
        raise InvalidRequest(f"otherwise: expected {' or '.join(WORDS)} for each payment")
    others = {name: word for name, word in otherwise.items() if word != body["decision"]}
    return Verdict(body["decision"], sentence(body, "why"), seen, others)


def shown(case: Case) -> dict[str, Any]:
    """A case as the API says it; moments as ISO 8601."""
    moment = lambda at: None if at is None else iso(at)  # noqa: E731
    return {
        "case": case.id,
        "customer_id": case.customer_id,
        "state": case.state,
        "level": case.level,
        "severity": case.severity,
        "payments": case.payments,
        "opened_at": iso(case.opened_at),
        "holder": case.holder,
        "locked_until": moment(case.locked_until),
        "decision": case.decision,
        "otherwise": dict(case.otherwise),
        "why": case.why,
        "decided_by": case.decided_by,
        "decided_at": moment(case.decided_at),
        "round": case.round,
    }


def told(whole: Whole) -> dict[str, Any]:
    return {**shown(whole.case), "payments_told": whole.payments, "history": whole.history}


def place(after: dict | None) -> str | None:
    return None if after is None else base64.urlsafe_b64encode(json.dumps(after).encode()).decode()


def read_place(after: str, state: str) -> dict | None:
    """Raises InvalidRequest of what is no place among cases of the state."""
    if not after:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(after.encode()))
        if set(found) != {"of", "what", "queue", "rank"} or not all(set(v) == {"S"} for v in found.values()):
            raise ValueError
        if not all(isinstance(v["S"], str) and 0 < len(v["S"]) <= LONGEST_PLACE for v in found.values()):
            raise ValueError
        if found["queue"]["S"] != state or not all(storable(v["S"]) for v in found.values()):
            raise ValueError
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidRequest(NO_PLACE) from None
    return found
