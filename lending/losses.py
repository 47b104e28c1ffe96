"""Expected credit losses over time (IFRS 9): stage, 12 months and lifetime, from loans' performance by month on book.

The hazard of a month is the share of the loans at risk in it that go into default in it (Kaplan and Meier, 1958; loans
may come late into the data). A loan's own curve is that of all, with survival to the power that makes its probability
at the model's horizon the model's (proportional hazards; Cox, 1972). What the data do not reach is not told: the curve
ends with the last month that has loans enough.

A loan's credit risk has increased significantly from 30 days past due on, and where the policy says so when its
probability of default has risen enough since its application (IFRS 9, 5.5.9). The two probabilities are of the model's
horizon each: B5.5.13 lets 12 months stand for the lifetime. Of a loan that nobody has scored again days past due alone
speak.

A loan that was applied for by fraud is in a state of its own (training.default): how it was paid says nothing of who
can pay, so it is in no stage, in no credit loss and in no hazard.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lending.deciding import Decided, WrongRun
from lending.policy import Increase

LEAST_AT_RISK, LEAST_DEFAULTS, YEAR = 100, 10, 12
DEFAULT = 90  # days past due, unless the archive was trained by another definition (training.default)
FRAUD = "fraud"  # the lender's word in loan_decisions
SAID = ("loan_id", "decided_at", "decision")
COLUMNS = ("loan_id", "month_on_book", "days_past_due", "charged_off")
IN_DEFAULT, LATE, RISEN = "default", "days past due", "probability"
BACKSTOP = 30  # days past due from which on credit risk has increased significantly (IFRS 9, 5.5.11)


@dataclass(frozen=True)
class Seen:
    """How a loan stood in a month on book, 0 that of its application; `lost`: a part of it was written off."""

    loan_id: str
    month: int
    days_past_due: int | None
    lost: bool = False


@dataclass(frozen=True)
class Month:
    """One line of the term structure: `survival` is the share of loans without a default by its end."""

    month: int
    at_risk: int
    defaults: int
    hazard: float
    survival: float


@dataclass(frozen=True)
class Loss:
    """Of one loan. Probabilities are of a default from application on; losses are discounted to it, in units of the
    exposure. None where the data do not reach, or the loan lacks what it takes.

    `pd_then` and `pd_now` are of the model's horizon, at application and as it was scored again; `because` says what
    made it stage 2 or 3: `default`, `days past due` or `probability`.
    """

    loan_id: str
    stage: int
    pd_12m: float | None
    pd_lifetime: float | None
    loss_12m: float | None
    loss_lifetime: float | None
    expected_credit_loss: float | None
    pd_then: float | None = None
    pd_now: float | None = None
    because: str = ""

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Apart:
    """A loan that was applied for by fraud, with what was exposed to it, none where nothing tells the exposure."""

    loan_id: str
    exposure: float | None


def meant_by(manifest: Mapping[str, Any]) -> tuple[int, int]:
    """Days past due and months of the definition of default that an archive was trained by; 90 and 12 of one that does
    not say. Raises WrongRun."""
    told = manifest.get("default", {})
    days, months = (
        (told.get("days_past_due", DEFAULT), told.get("months", YEAR)) if isinstance(told, Mapping) else (0, 0)
    )
    if not all(type(n) is int and n >= 1 for n in (days, months)):
        raise WrongRun("the manifest's default: expected days_past_due and months, whole numbers of no less than 1")
    return days, months


def seen_of(lines: Iterable[str]) -> list[Seen]:
    """`loan_id,month_on_book,days_past_due,charged_off` with a header. Raises WrongRun."""
    rows = csv.DictReader(lines)
    found = []
    try:
        if not set(COLUMNS[:3]) <= set(names := rows.fieldnames or ()):
            raise WrongRun(f"performance: expected columns {', '.join(COLUMNS)}, got {', '.join(names)}")
        for row in rows:
            try:
                late = int(row["days_past_due"]) if row["days_past_due"] else None
                lost = float(row.get("charged_off") or 0) > 0
                one = Seen(row["loan_id"], int(row["month_on_book"]), late, lost)
            except (TypeError, ValueError):
                raise WrongRun(
                    f"performance, line {rows.line_num}: expected whole numbers of months and days"
                ) from None
            if not one.loan_id or one.month < 0 or (late is not None and late < 0):
                raise WrongRun(f"performance, line {rows.line_num}: expected a loan, and numbers of no less than 0")
            found.append(one)
    except csv.Error as wrong:
        raise WrongRun(f"performance: expected lines of CSV: {wrong}") from None
    return found


def frauds_in(lines: Iterable[str]) -> set[str]:
    """Loans whose latest decision is `fraud`, of `loan_id,decided_at,decision` with a header: a table such as
    `loan_decisions`. Of one instant the last line counts. Raises WrongRun."""
    rows = csv.DictReader(lines)
    latest: dict[str, tuple[datetime, str]] = {}
    try:
        if not set(SAID) <= set(names := rows.fieldnames or ()):
            raise WrongRun(f"decisions: expected columns {', '.join(SAID)}, got {', '.join(names)}")
        for row in rows:
            try:
                at = datetime.fromisoformat(row["decided_at"])
                at = at if at.tzinfo else at.replace(tzinfo=UTC)
                word = row["decision"].strip().lower()
            except (AttributeError, TypeError, ValueError):
                raise WrongRun(f"decisions, line {rows.line_num}: expected an instant and a decision") from None
            if not (loan := row["loan_id"]) or not word:
                raise WrongRun(f"decisions, line {rows.line_num}: expected a loan and a decision")
            if loan not in latest or at >= latest[loan][0]:
                latest[loan] = at, word
    except csv.Error as wrong:
        raise WrongRun(f"decisions: expected lines of CSV: {wrong}") from None
    return {loan for loan, (_, word) in latest.items() if word == FRAUD}


def apart(decided: Iterable[Decided], frauds: Collection[str]) -> list[Apart]:
    """Loans of a run that were applied for by fraud."""
    return [Apart(one.loan_id, one.exposure) for one in decided if one.loan_id in frauds]


def term_structure(seen: Iterable[Seen], days_past_due: int = DEFAULT) -> list[Month]:
    """Months on book from the first one. Raises WrongRun, in words, where the data allow none.

    A loan that is seen from its application or its first month on is at risk from the first month, and a default in the
    month of its application is one of the first month. Any other is at risk from the month after it was first seen: had
    it gone into default before, nobody knows when, so one that is first seen in default does not count at all.
    """
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    ended: dict[str, int] = {}
    for one in seen:
        first[one.loan_id] = min(one.month, first.get(one.loan_id, one.month))
        last[one.loan_id] = max(one.month, last.get(one.loan_id, one.month))
        if one.lost or (one.days_past_due or 0) >= days_past_due:
            ended[one.loan_id] = min(one.month, ended.get(one.loan_id, one.month))
    begun = {n: 1 if month <= 1 else month + 1 for n, month in first.items()}
    until = {n: max(1, ended[n]) if n in ended else month for n, month in last.items()}
    months: list[Month] = []
    survival = 1.0
    for month in range(1, max(last.values(), default=0) + 1):
        at_risk = [n for n in first if begun[n] <= month <= until[n]]
        if len(at_risk) < LEAST_AT_RISK:
            break
        defaults = sum(n in ended and until[n] == month for n in at_risk)
        survival *= 1 - defaults / len(at_risk)
        months.append(Month(month, len(at_risk), defaults, defaults / len(at_risk), survival))
    if len(months) < YEAR or sum(m.defaults for m in months) < LEAST_DEFAULTS:
        raise WrongRun(
            f"no term structure: {len(months)} months on book have {LEAST_AT_RISK} loans at risk, with "
            f"{sum(m.defaults for m in months)} defaults in them; expected at least {YEAR} months and {LEAST_DEFAULTS} "
            "defaults: bring performance of more or older loans"
        )
    return months


def standing(seen: Iterable[Seen]) -> dict[str, Seen]:
    """How each loan stands: days past due as they were last known, a write-off for good."""
    found: dict[str, Seen] = {}
    for one in sorted(seen, key=lambda one: one.month):  # of one month the last line counts
        before = found.get(one.loan_id, one)
        late = before.days_past_due if one.days_past_due is None else one.days_past_due
        found[one.loan_id] = Seen(one.loan_id, one.month, late, before.lost or one.lost)
    return found


def stage_of(now: Seen | None, days_past_due: int = DEFAULT, has_risen: bool = False) -> tuple[int, str]:
    """3 in default, 2 from 30 days past due on or where the probability `has_risen` significantly, else 1; and why."""
    late = (now.days_past_due or 0) if now else 0
    if (now and now.lost) or late >= days_past_due:
        return 3, IN_DEFAULT
    if late >= BACKSTOP:
        return 2, LATE
    return (2, RISEN) if has_risen else (1, "")


def has_risen(increase: Increase | None, then: float | None, now: float | None) -> bool:
    """Whether a probability has risen as much as the policy calls significant, where both are known."""
    return increase is not None and then is not None and now is not None and increase.holds(then, now)


def losses(
    decided: Sequence[Decided],
    terms: dict[str, int],
    seen: Iterable[Seen],
    lgd: float,
    horizon: int = YEAR,
    rate: float = 0.0,
    days_past_due: int = DEFAULT,
    frauds: Collection[str] = (),
    increase: Increase | None = None,
    again: Mapping[str, float] | None = None,
) -> tuple[list[Month], list[Loss]]:
    """`terms` are months to repay by loan, `horizon` the months that the model's probability is of, `rate` the
    effective interest a year that losses are discounted by. Exposure falls in equal parts to 0 at the end of the term,
    and stays where there is no term. `frauds` are loans that were applied for by fraud: they are in neither. `again`
    has the probability of the same horizon now, of loans that were scored again, and `increase` says how much more is
    significant. Raises WrongRun."""
    rows = [one for one in seen if one.loan_id not in frauds]
    months = term_structure(rows, days_past_due)
    if horizon > len(months):
        raise WrongRun(f"the model's horizon is {horizon} months, the performance reaches {len(months)}")
    now = standing(rows)
    found = []
    for one in decided:
        if one.loan_id in frauds:
            continue
        later = again.get(one.loan_id) if again else None
        risen = has_risen(increase, one.default_prob, later)
        stage, because = stage_of(now.get(one.loan_id), days_past_due, risen)
        loss = loss_of(one, terms.get(one.loan_id), stage, months, lgd, horizon, rate)
        found.append(replace(loss, pd_then=one.default_prob, pd_now=later, because=because))
    return months, found


def loss_of(
    one: Decided, term: int | None, stage: int, months: Sequence[Month], lgd: float, horizon: int, rate: float
) -> Loss:
    p, whole = one.default_prob, months[horizon - 1].survival
    in_default = None if one.exposure is None else lgd * one.exposure  # whatever the probability was: it is certain
    if p is None or p >= 1 or not 0 < whole < 1:
        return Loss(one.loan_id, stage, None, None, None, None, in_default if stage == 3 else None)
    power = math.log1p(-p) / math.log(whole)
    alive = [1.0, *(month.survival**power for month in months)]

    def to(end: int | None) -> tuple[float | None, float | None]:
        if end is None or not 0 < end < len(alive):
            return None, None
        if one.exposure is None:
            return 1 - alive[end], None
        lost = math.fsum(
            (alive[t - 1] - alive[t]) * one.exposure * (1 - (t - 1) / term if term else 1.0) * (1 + rate) ** (-t / YEAR)
            for t in range(1, end + 1)
        )
        return 1 - alive[end], lgd * lost

    (year, of_year), (life, of_life) = to(min(YEAR, term) if term else YEAR), to(term)
    told = {1: of_year, 2: of_life, 3: in_default}[stage]
    return Loss(one.loan_id, stage, year, life, of_year, of_life, told)
