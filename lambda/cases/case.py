"""What a case is and what may become of it. Pure: a case in, the next one and a line of its history out.

    OPEN -- claim --> CLAIMED -- decide --> DECIDED -- reopen (lead) --> CLAIMED by the lead
     ^                  | |
     '---- release -----' '-- escalate --> ESCALATED -- next or reassign (lead) --> CLAIMED

A lock says how long nobody else may take the case. When it is over the case still has its holder, until somebody takes
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from features.values import iso

State = Literal["OPEN", "CLAIMED", "ESCALATED", "DECIDED"]
Level = Literal["reviewer", "lead"]
Word = Literal["fraud", "honest"]
STATES: tuple[State, ...] = ("OPEN", "CLAIMED", "ESCALATED", "DECIDED")
WORDS: tuple[Word, ...] = ("fraud", "honest")
FOR_LEADS = "it is escalated: a lead takes it by next-escalated, or reassigns it"
LET_THROUGH, REVIEWED = 2, 1  # severities: money that has gone is looked at first


class Refused(ValueError):
    """The case is not in a state for it. The text says in which it is, and who holds it."""


@dataclass(frozen=True)
class Verdict:
    """What somebody decided of a case, and of single payments of it otherwise; `seen` is how many payments he saw."""

    decision: Word
    why: str
    seen: int
    otherwise: Mapping[str, Word] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Moments are in ms since 1970. `level` is who may take it: once it was escalated, leads. `round` counts how often
    it was opened, `reopened_at` is when last; `version` counts every change of it. `expires` is in seconds since 1970,
    once it is decided and done."""

    id: str
    customer_id: str
    opened_at: int
    severity: int
    payments: int
    state: State = "OPEN"
    level: Level = "reviewer"
    holder: str | None = None
    claimed_at: int | None = None
    locked_until: int | None = None
    decision: Word | None = None
    otherwise: Mapping[str, Word] = field(default_factory=dict)
    why: str | None = None
    decided_by: str | None = None
    decided_at: int | None = None
    round: int = 1
    reopened_at: int | None = None
    version: int = 1
    expires: int | None = None

    @property
    def begun_at(self) -> int:
        """Since when its present decision is waited for."""
        return self.opened_at if self.reopened_at is None else self.reopened_at

    def answer_for(self, transaction_id: str) -> Word | None:
        """What was decided of one of its payments; none while nobody has."""
        return self.otherwise.get(transaction_id, self.decision) if self.state == "DECIDED" else None


@dataclass(frozen=True)
class Done:
    """A line of a case's history."""

    by: str
    did: str
    why: str | None = None


@dataclass(frozen=True)
class Changed:
    """What a case becomes; without a line of history it stays as it is, for what was asked is so already."""

    case: Case
    done: Done | None = None


def is_free(case: Case, now: int, level: Level) -> bool:
    """Whether whoever works at the level may take it."""
    if case.level != level:
        return False
    if case.state == "CLAIMED":
        return (case.locked_until or 0) <= now
    return case.state in ("OPEN", "ESCALATED")


def joined(case: Case, severity: int, identifier: str) -> Changed:
    """One more payment of the customer. Raises Refused once it is decided."""
    if case.state == "DECIDED":
        raise Refused("it is decided")
    after = replace(case, payments=case.payments + 1, severity=max(case.severity, severity))
    return Changed(after, Done("the stream door", f"joined {identifier}"))


def claim(case: Case, by: str, now: int, lock_ms: int, level: Level = "reviewer") -> Changed:
    """Takes it, or holds on to it for another lock. Raises Refused."""
    if case.state == "CLAIMED" and case.holder == by:
        return Changed(replace(case, locked_until=now + lock_ms), Done(by, "held on"))
    if not is_free(case, now, level):
        if case.state == "CLAIMED" and is_free(case, now, case.level):
            raise Refused(FOR_LEADS)
        raise Refused(where(case))
    return _held(case, by, now, lock_ms, Done(by, "claimed"))


def release(case: Case, by: str) -> Changed:
    """Gives it back. Raises Refused to whoever does not hold it."""
    if case.state in ("OPEN", "ESCALATED"):
        return Changed(case)
    _require_holder(case, by)
    return Changed(_put_back(case), Done(by, "released"))


def escalate(case: Case, by: str, why: str) -> Changed:
    """Hands it to the leads. Raises Refused to whoever does not hold it."""
    if case.state == "ESCALATED":
        return Changed(case)
    _require_holder(case, by)
    return Changed(_put_back(replace(case, level="lead")), Done(by, "escalated", why))


def decide(case: Case, by: str, verdict: Verdict, now: int) -> Changed:
    """The same again changes nothing. Raises Refused to whoever does not hold it, of another decision than the one that
    stands, and where payments have joined that he has not seen."""
    if case.state == "DECIDED":
        if (case.decision, dict(case.otherwise)) == (verdict.decision, dict(verdict.otherwise)):
            return Changed(case)
        raise Refused(f"{where(case)}; a lead may reopen it")
    _require_holder(case, by)
    if verdict.seen != case.payments:
        raise Refused(f"it has {case.payments} payments, {verdict.seen} were seen: look at it again")
    after = replace(
        case,
        state="DECIDED",
        holder=None,
        locked_until=None,
        decision=verdict.decision,
        otherwise=dict(verdict.otherwise),
        why=verdict.why,
        decided_by=by,
        decided_at=now,
    )
    return Changed(after, Done(by, f"decided {verdict.decision}", verdict.why))


def reassign(case: Case, by: str, to: str, why: str, now: int, lock_ms: int) -> Changed:
    """A lead gives it to somebody, whoever held it. Raises Refused once it is decided."""
    if case.state == "DECIDED":
        raise Refused(f"{where(case)}; reopen it")
    if case.state == "CLAIMED" and case.holder == to and (case.locked_until or 0) > now:
        return Changed(case)
    return _held(case, to, now, lock_ms, Done(by, f"reassigned to {to}", why))


def reopen(case: Case, by: str, why: str, now: int, lock_ms: int) -> Changed:
    """A lead takes a decided case again and holds it. Raises Refused of one that is not decided."""
    if case.state == "CLAIMED" and case.holder == by and case.round > 1:
        return Changed(case)
    if case.state != "DECIDED":
        raise Refused(f"{where(case)}: only what is decided can be reopened")
    fresh = replace(
        case,
        level="lead",
        decision=None,
        otherwise={},
        why=None,
        decided_by=None,
        decided_at=None,
        round=case.round + 1,
        reopened_at=now,
        expires=None,
    )
    return _held(fresh, by, now, lock_ms, Done(by, "reopened", why))


def comment(case: Case, by: str, text: str) -> Changed:
    return Changed(case, Done(by, "commented", text))


def where(case: Case) -> str:
    """In which state it is, in words."""
    if case.state == "CLAIMED":
        return f"it is held by {case.holder} until {iso(case.locked_until or 0)}"
    if case.state == "DECIDED":
        return f"it was decided {case.decision} by {case.decided_by} at {iso(case.decided_at or 0)}"
    return FOR_LEADS if case.state == "ESCALATED" else "nobody holds it: claim it first"


def _require_holder(case: Case, by: str) -> None:
    if case.state != "CLAIMED" or case.holder != by:
        raise Refused(where(case))


def _held(case: Case, holder: str, now: int, lock_ms: int, done: Done) -> Changed:
    held = replace(case, state="CLAIMED", holder=holder, claimed_at=now, locked_until=now + lock_ms)
    return Changed(held, done)


def _put_back(case: Case) -> Case:
    state: State = "ESCALATED" if case.level == "lead" else "OPEN"
    return replace(case, state=state, holder=None, claimed_at=None, locked_until=None)
