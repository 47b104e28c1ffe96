"""Decisions and their reasons from rows, a scorer and a policy: the same bits whenever and wherever it is asked.

Pure: what a scorer is, an opened archive (`lending.opened`) or an endpoint that serves it, is the caller's to bring.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any, Protocol

from features.encoding import Column, Encoding
from lending.policy import Decision, Policy, Reason, Rule

MOST_REASONS = 4  # Regulation B, 12 CFR 1002.9, commentary to paragraph 9(b)(2): more are not likely to help
MATERIAL = 0.02  # log-odds, some 2 % of the odds: what raised a score by less is no reason for what was decided
CONSTANT = "constant"  # the learner of a model that knows nothing and says the same of all
NO_SCORE = "the model gave no usable probability"
NO_REASON = ("no_reason", "the score would decline it, and no reason may be told: a person decides")
UNREAD, MISSING = "unread", "missing"  # codes of a loan of which a cell could not be read, or is not there
SHOWN = 3  # loans that a refusal names

Cells = Sequence[str]


class WrongRun(ValueError):
    """What was kept of a run does not fit together; the text says how."""


class Scorer(Protocol):
    """A credit model that can be asked. Rows are cells of the model's columns, as `Column.written` spells them."""

    @property
    def name(self) -> str: ...
    @property
    def feature_version(self) -> str: ...
    @property
    def encoding(self) -> Encoding: ...
    @property
    def manifest(self) -> Mapping[str, Any]: ...
    @property
    def baseline(self) -> bytes | None:
        """What the archive says of the rows that the model learned from; none where it says nothing."""

    def said(self, rows: Sequence[Cells]) -> list[float]:
        """One probability for each row."""

    def contributions(self, rows: Sequence[Cells]) -> list[list[float]]:
        """What each column did to the log-odds of each row."""

    def changed(self, rows: Sequence[Cells], changes: Sequence[Mapping[int, float]]) -> list[list[float]]:
        """For each change the probability of each row, had it these values at these places, as the model sees
        numbers."""


@dataclass(frozen=True)
class Decided:
    """What is written of one loan. `reasons` are codes, the strongest first, `sentences` theirs in the same order.

    `price` and `credit_limit` are what the policy's terms suggest of a loan that is scored and not declined: a share of
    the exposure over the horizon, and an amount. `vector_sha256` is that of the loan's cells, in the order of the
    model's columns, `snapshot` that of the rows that were scored together, none where one was asked for alone.
    """

    customer_id: str
    loan_id: str
    default_prob: float | None
    points: int | None
    band: str | None
    decision: Decision
    expected_loss: float | None
    exposure: float | None
    reasons: tuple[str, ...]
    sentences: tuple[str, ...]
    rules: tuple[str, ...]
    policy_version: str
    policy_sha256: str
    model: str
    feature_version: str
    vector_sha256: str
    price: float | None = None
    credit_limit: float | None = None
    snapshot: str | None = None

    def document(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        return json.dumps(self.document(), allow_nan=False) + "\n"


@dataclass(frozen=True)
class Loan:
    """One line of a run: who borrows, which loan, the cells of the model's columns, the probability that was kept,
    none where the run kept none, and the columns of which a cell was there and could not be read."""

    customer_id: str
    loan_id: str
    cells: tuple[str, ...]
    kept: float | None = None
    unread: tuple[str, ...] = ()


def loans_of(
    rows: Iterable[str], columns: int, predictions: Iterable[str] | None = None, unread: Iterable[str] | None = None
) -> list[Loan]:
    """Lines of the scoring set, of the predictions in the same order, and `customer_id,loan_id,column` for each cell
    that could not be read. Raises WrongRun."""
    found = lines_of(rows, "rows")
    if wrong := next((n for n, line in enumerate(found, 1) if len(line) != columns + 2), None):
        raise WrongRun(f"line {wrong} of the rows: expected {columns + 2} cells, got {len(found[wrong - 1])}")
    loans = [Loan(line[0], line[1], tuple(line[2:])) for line in found]
    times = Counter(loan.loan_id for loan in loans)
    if twice := [str(n) for n, line in enumerate(found, 1) if times[line[1]] > 1]:  # ids are personal, and logs stay
        raise WrongRun(f"rows: expected each loan once, lines {first_of(twice)} have loans that come again")
    if unread is not None:
        loans = marked(loans, lines_of(unread, "unread"))
    if predictions is None:
        return loans
    said = lines_of(predictions, "predictions")
    if wrong := next((n for n, line in enumerate(said, 1) if len(line) < 3), None):
        raise WrongRun(f"predictions, line {wrong}: expected customer_id,loan_id,default_prob")
    if [(line[0], line[1]) for line in said] != [(loan.customer_id, loan.loan_id) for loan in loans]:
        raise WrongRun(f"predictions of {len(said)} loans are not those of the {len(loans)} rows, in their order")
    try:
        return [replace(loan, kept=float(line[2])) for loan, line in zip(loans, said, strict=True)]
    except ValueError:
        raise WrongRun("predictions: expected customer_id,loan_id,default_prob") from None


def marked(loans: Sequence[Loan], unread: Sequence[Sequence[str]]) -> list[Loan]:
    """Raises WrongRun for a line that is none, or of a loan that is not among them."""
    known = {(loan.customer_id, loan.loan_id) for loan in loans}
    wrong = next((n for n, line in enumerate(unread, 1) if len(line) != 3 or tuple(line[:2]) not in known), None)
    if wrong is not None:
        raise WrongRun(f"unread, line {wrong}: expected customer_id,loan_id,column of a loan of the rows")
    by_loan: dict[str, list[str]] = {}
    for _, loan, column in unread:
        by_loan.setdefault(loan, []).append(column)
    return [replace(loan, unread=tuple(by_loan.get(loan.loan_id, ()))) for loan in loans]


def lines_of(text: Iterable[str], name: str) -> list[list[str]]:
    """Lines of CSV that have a cell. Raises WrongRun."""
    try:
        return [line for line in csv.reader(text) if line]
    except csv.Error as wrong:
        raise WrongRun(f"{name}: expected lines of CSV: {wrong}") from None


def first_of(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def decide(
    model: Scorer, policy: Policy, loans: Sequence[Loan], snapshot: str | None = None, alone: bool = False
) -> list[Decided]:
    """One decision for each loan, in order. `alone`: they are no run, and nothing is told by what stands beside them.

    Raises WrongRun where the model says another probability than the run kept, and policy.InvalidPolicy.
    """
    columns = model.encoding.columns
    constant = model.manifest["learner"] == CONSTANT
    policy.require_columns(() if constant else model.encoding.names, columns, barred(model))
    if not loans:
        return []
    rows = [loan.cells for loan in loans]
    said = model.said(rows)
    other = [n for n, loan in enumerate(loans) if loan.kept is not None and not same(loan.kept, said[n])]
    if other:
        raise WrongRun(
            f"the model gives {len(other)} of {len(loans)} loans another probability than the run kept: bring the "
            "model, the rows and the predictions of one run"
        )
    met = [rules_met(policy, model.encoding, loan) for loan in loans]
    absent = [lacking(policy, model.encoding, loan) for loan in loans]
    actions = [action(policy, p, rules, gone) for p, rules, gone in zip(said, met, absent, strict=True)]
    # Only what the score itself would not approve has reasons of the score: else a rule alone has spoken, or nobody
    # trusts the score.
    asked = [n for n, p in enumerate(said) if usable(p) and not absent[n] and policy.by_score(p) != "APPROVE"]
    told = dict(zip(asked, reasons(model, policy, rows, said, asked, alone), strict=True))
    return [
        replace(
            decided(model, policy, loan, said[n], actions[n], met[n], told.get(n, []), absent[n]), snapshot=snapshot
        )
        for n, loan in enumerate(loans)
    ]


def same(kept: float, said: float) -> bool:
    """Whether two probabilities are one; no number is no number, and such a loan is referred."""
    return kept == said or (math.isnan(kept) and math.isnan(said))


def usable(p: float) -> bool:
    """Whether it is a probability at all: nothing is decided, priced or told by another number."""
    return 0 <= p <= 1  # neither is true of no number


def decided(
    model: Scorer,
    policy: Policy,
    loan: Loan,
    p: float,
    found: Decision,
    rules: Sequence[Rule],
    told: Sequence[Reason],
    absent: Sequence[tuple[str, str]],
) -> Decided:
    scored = usable(p)
    exposure = exposed(policy, model.encoding, loan)
    because = [(rule.name, rule.sentence) for rule in rules if rule.action == found]
    if found == "REFER":
        because = [*absent, *because]
    because += [(reason.code, reason.sentence) for reason in told if policy.by_score(p) == found]
    if not scored:
        because.append(("no_score", NO_SCORE))
    if found == "DECLINE" and not because:  # nobody is declined without being told why
        found, because = "REFER", [NO_REASON]
    because = because[:MOST_REASONS]
    suggests = policy.terms if scored and not absent and found != "DECLINE" else None
    loss = p * policy.lgd * exposure if scored and exposure is not None else None
    return Decided(
        loan.customer_id,
        loan.loan_id,
        p if scored else None,
        policy.scale.points(p) if scored else None,
        policy.band(p) if scored else None,
        found,
        loss,
        exposure,
        tuple(code for code, _ in because),
        tuple(sentence for _, sentence in because),
        tuple(rule.name for rule in rules),
        policy.version,
        policy.sha256,
        model.name,
        model.feature_version,
        vector_sha256(loan.cells),
        suggests.price(p, policy.lgd) if suggests else None,
        suggests.limits[policy.band(p)] if suggests else None,
    )


def vector_sha256(cells: Cells) -> str:
    """Of cells in the order of a model's columns: what a decision bears of the row that it was made of."""
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def action(policy: Policy, p: float, rules: Sequence[Rule], absent: Sequence[tuple[str, str]] = ()) -> Decision:
    """The severest of what score and rules say; without a probability nothing is approved. A score of a loan of which
    a cell could not be read, or is not there though it must be, says nothing: a person looks."""
    by_score: Decision = policy.by_score(p) if usable(p) and not absent else "REFER"
    said = {by_score, *(rule.action for rule in rules)}
    return "DECLINE" if "DECLINE" in said else "REFER" if "REFER" in said else "APPROVE"


def lacking(policy: Policy, encoding: Encoding, loan: Loan) -> list[tuple[str, str]]:
    """Codes and sentences: of a cell that could not be read, and of one that is not there, though policy asks for it.
    No sentence holds a cell's content: it may be personal."""
    found = []
    if loan.unread:
        found.append((UNREAD, f"could not be read: {columns_of(loan.unread)}"))
    if policy.required:
        cells = cells_by_name(encoding, loan)
        gone = [name for name in policy.required if cells[name] is None and name not in loan.unread]
        if gone:
            found.append((MISSING, f"is missing: {columns_of(gone)}"))
    return found


def columns_of(names: Sequence[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {', '.join(names)}"


def cells_by_name(encoding: Encoding, loan: Loan) -> Mapping[str, float | str | None]:
    """Numbers as numbers, categories by name, none where a cell is missing."""
    found: dict[str, float | str | None] = {}
    for column, cell in zip(encoding.columns, loan.cells, strict=True):
        value = column.number(cell)
        found[column.name] = column.categories[int(value)] if column.categories and value is not None else value
    return found


def rules_met(policy: Policy, encoding: Encoding, loan: Loan) -> list[Rule]:
    """What a cell that could not be read says nobody knows: it meets no rule, not even one about a missing cell."""
    if not policy.rules:
        return []
    cells = cells_by_name(encoding, loan)
    return [rule for rule in policy.rules if rule.column not in loan.unread and rule.meets(cells[rule.column])]


def exposed(policy: Policy, encoding: Encoding, loan: Loan) -> float | None:
    """Exposure at default; none where its column is missing, no number, or below 0."""
    if not isinstance(policy.ead, str):
        return policy.ead
    found = cells_by_name(encoding, loan)[policy.ead]
    return found if isinstance(found, float) and found >= 0 else None


@dataclass(frozen=True)
class Weight:
    """A concept that raised one score: by how much (log-odds), and the places of its columns."""

    raised: float
    reason: Reason
    places: tuple[int, ...]


def reasons(
    model: Scorer,
    policy: Policy,
    rows: Sequence[Cells],
    said: Sequence[float],
    asked: Sequence[int],
    alone: bool = False,
) -> list[list[Reason]]:
    """For each row that is asked for, the concepts that raised its score most, at most four, the strongest first."""
    return [[weight.reason for weight in principal(one)] for one in weighed(model, policy, rows, said, asked, alone)]


def principal(weights: Sequence[Weight]) -> list[Weight]:
    """The strongest that are material, at most four; the strongest of all where none is."""
    return [weight for weight in weights if weight.raised >= MATERIAL][:MOST_REASONS] or list(weights[:1])


def weighed(
    model: Scorer,
    policy: Policy,
    rows: Sequence[Cells],
    said: Sequence[float],
    asked: Sequence[int],
    alone: bool = False,
) -> list[list[Weight]]:
    """For each row that is asked for, all concepts that raised its score, the strongest first.

    A concept's share is the sum of its columns' contributions, rounded once. It counts only if the model gives a lower
    probability where its columns have their usual values (see `references`); if it does so by less than MATERIAL, by no
    more than that.
    """
    if not asked or model.manifest["learner"] == CONSTANT:
        return [[] for _ in asked]
    names, theirs, never = model.encoding.names, [rows[n] for n in asked], barred(model)
    spoken = [name for name in names if name not in never and policy.reason_of(name) is not None]
    usual = references(model, None if alone else rows, spoken)
    concepts: dict[str, tuple[Reason, list[int]]] = {}
    for place, name in enumerate(names):
        reason = policy.reason_of(name)
        if reason is not None and name in usual:
            concepts.setdefault(reason.code, (reason, []))[1].append(place)
    shares = model.contributions(theirs)
    found: list[list[Weight]] = [[] for _ in theirs]
    told = list(concepts.values())
    changes = [{place: usual[names[place]] for place in places} for _, places in told]
    for (reason, places), instead in zip(told, model.changed(theirs, changes), strict=True):
        for n, p in enumerate(instead):
            raised = math.fsum(shares[n][place] for place in places)
            before = said[asked[n]]
            if raised > 0 and p < before:
                fell = log_odds(before) - log_odds(p)
                found[n].append(Weight(raised if fell >= MATERIAL else min(raised, fell), reason, tuple(places)))
    return [sorted(one, key=lambda each: -each.raised) for one in found]  # of equals the first one stays


def log_odds(p: float) -> float:
    return -math.inf if p <= 0 else math.inf if p >= 1 else math.log(p) - math.log1p(-p)


def barred(model: Scorer) -> frozenset[str]:
    """Columns that are declared protected, and that the model was trained on all the same. Raises WrongRun."""
    told = model.manifest.get("protected_columns", {})
    found = told.get("trained_on", ()) if isinstance(told, Mapping) else None
    if isinstance(found, str) or not isinstance(found, Collection) or not all(isinstance(name, str) for name in found):
        raise WrongRun("the manifest's protected_columns: expected an object with the names that were trained on")
    return frozenset(found)


def references(model: Scorer, rows: Sequence[Cells] | None, names: Sequence[str]) -> dict[str, float]:
    """The usual value of each named column: of a category the commonest, else the median's bin of the baseline.

    `rows` are all of a run, none where it is no run. Baselines of before have deciles of codes alone: where the fullest
    bin has several categories they cannot say which is the commonest, and the run's rows do. Raises WrongRun for a
    baseline that is none, that lacks one of the columns, or that says too little without a run.
    """
    told = model.baseline
    if told is None:
        raise WrongRun("the archive has no baseline.json: train the model with this release")
    found, untold = {}, []
    try:
        watched = json.loads(told)["columns"]
        absent = [name for name in names if name not in watched]
        for place, column in enumerate(model.encoding.columns):
            if column.name in names and column.name in watched:
                value = known_usual(column, watched[column.name])
                if value is None and column.kind == "category":
                    if rows is None:
                        untold.append(column.name)
                    else:
                        value = commonest(column, (row[place] for row in rows))
                if value is not None:
                    found[column.name] = value
    except (ValueError, TypeError, LookupError, RecursionError) as wrong:
        raise WrongRun(f"the archive's baseline.json is not what training writes: {type(wrong).__name__}") from None
    if absent:
        raise WrongRun(
            f"the archive's baseline.json lacks {', '.join(absent)}, which the model uses, so that no reason could be "
            "told of it: train the model with this release"
        )
    if untold:
        raise WrongRun(
            f"the archive's baseline.json does not say which category of {', '.join(untold)} is the commonest, and an "
            "application alone cannot: train the model with this release"
        )
    return found


def known_usual(column: Column, watched: Mapping[str, Any]) -> float | None:
    """What the baseline says of a column; none where it does not: bin n has values above edge n - 1 and up to edge n,
    and behind the bins' shares is that of the missing. Raises ValueError."""
    edges, shares = ([float(x) for x in watched[part]] for part in ("edges", "shares"))
    shares = shares[:-1]
    if len(shares) != len(edges) + 1:
        raise ValueError("shares do not fit the edges")
    if column.categories is not None:
        if "commonest" in watched:
            column.categories[code := int(watched["commonest"])]
            return float(code)
        fullest = max(range(len(shares)), key=lambda n: shares[n])  # the first of equals
        lowest = math.floor(edges[fullest - 1]) + 1 if fullest else 0
        highest = math.floor(edges[fullest]) if fullest < len(edges) else len(column.categories) - 1
        return float(lowest) if lowest == highest else None
    if not len(edges):
        return None
    half = math.fsum(shares) / 2
    middle = next((n for n, so_far in enumerate(accumulate(shares)) if so_far >= half), len(edges) - 1)
    return edges[min(middle, len(edges) - 1)]


def commonest(column: Column, cells: Iterable[str]) -> float | None:
    """The commonest category of these cells, the first of equals; none where nothing is known."""
    codes = Counter(code for cell in cells if (code := column.number(cell)) is not None)
    return min(codes, key=lambda code: (-codes[code], code)) if codes else None
