"""Decisions and their reasons from a kept run: its rows, its model and a policy give the same bits whenever asked."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from features.encoding import Column, Encoding
from inference.model import Model, open_library
from inference.runtimes import CONSTANT
from tools.lending.policy import Decision, Policy, Reason, Rule

MOST_REASONS = 4  # Regulation B, 12 CFR 1002.9, commentary to paragraph 9(b)(2): more are not likely to help
NO_SCORE = "the model gave no usable probability"
NO_REASON = ("no_reason", "the score would decline it, and no reason may be told: a person decides")
SHOWN = 3  # loans that a refusal names


class WrongRun(ValueError):
    """What was kept of a run does not fit together; the text says how."""


@dataclass(frozen=True)
class Decided:
    """What is written of one loan. `reasons` are codes, the strongest first, `sentences` theirs in the same order."""

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
    model: str
    feature_version: str
    vector_sha256: str

    def line(self) -> str:
        return json.dumps(asdict(self), allow_nan=False) + "\n"


@dataclass(frozen=True)
class Loan:
    """One line of a run: who borrows, which loan, the cells of the model's columns, and the probability that was kept,
    none where the run kept none."""

    customer_id: str
    loan_id: str
    cells: tuple[str, ...]
    kept: float | None = None


def loans_of(rows: Iterable[str], columns: int, predictions: Iterable[str] | None = None) -> list[Loan]:
    """Lines of the scoring set, and of the predictions in the same order. Raises WrongRun."""
    found = lines_of(rows, "rows")
    if wrong := next((n for n, line in enumerate(found, 1) if len(line) != columns + 2), None):
        raise WrongRun(f"line {wrong} of the rows: expected {columns + 2} cells, got {len(found[wrong - 1])}")
    loans = [Loan(line[0], line[1], tuple(line[2:])) for line in found]
    if twice := [name for name, n in Counter(loan.loan_id for loan in loans).items() if n > 1]:
        raise WrongRun(f"rows: expected each loan once, {len(twice)} come again: {first_of(twice)}")
    if predictions is None:
        return loans
    said = lines_of(predictions, "predictions")
    if wrong := next((n for n, line in enumerate(said, 1) if len(line) < 3), None):
        raise WrongRun(f"predictions, line {wrong}: expected customer_id,loan_id,default_prob")
    if [(line[0], line[1]) for line in said] != [(loan.customer_id, loan.loan_id) for loan in loans]:
        raise WrongRun(f"predictions of {len(said)} loans are not those of the {len(loans)} rows, in their order")
    try:
        return [
            Loan(loan.customer_id, loan.loan_id, loan.cells, float(line[2]))
            for loan, line in zip(loans, said, strict=True)
        ]
    except ValueError:
        raise WrongRun("predictions: expected customer_id,loan_id,default_prob") from None


def lines_of(text: Iterable[str], name: str) -> list[list[str]]:
    """Lines of CSV that have a cell. Raises WrongRun."""
    try:
        return [line for line in csv.reader(text) if line]
    except csv.Error as wrong:
        raise WrongRun(f"{name}: expected lines of CSV: {wrong}") from None


def first_of(loans: Sequence[str]) -> str:
    return ", ".join(loans[:SHOWN]) + (", ..." if len(loans) > SHOWN else "")


def decide(model: Model, policy: Policy, loans: Sequence[Loan]) -> list[Decided]:
    """One decision for each loan, in order.

    Raises WrongRun where the model says another probability than the run kept, and policy.InvalidPolicy.
    """
    columns = model.encoding.columns
    constant = model.manifest["learner"] == CONSTANT
    policy.require_columns(() if constant else model.encoding.names, columns, barred(model))
    if not loans:
        return []
    matrix = model.matrix([loan.cells for loan in loans])
    said = model.probabilities(matrix)
    other = [n for n, loan in enumerate(loans) if loan.kept is not None and not same(loan.kept, float(said[n]))]
    if other:
        raise WrongRun(
            f"the model gives {len(other)} of {len(loans)} loans another probability than the run kept: bring the "
            "model, the rows and the predictions of one run"
        )
    met = [rules_met(policy, model.encoding, loan) for loan in loans]
    actions = [action(policy, p, rules) for p, rules in zip(said.tolist(), met, strict=True)]
    # Only what the score itself would not approve has reasons of the score: else a rule alone has spoken.
    asked = [n for n, p in enumerate(said.tolist()) if math.isfinite(p) and policy.by_score(p) != "APPROVE"]
    spoken = [[] for _ in asked] if constant else reasons(model, policy, matrix, said, asked)
    told = dict(zip(asked, spoken, strict=True))
    return [
        decided(model, policy, loan, float(said[n]), actions[n], met[n], told.get(n, []))
        for n, loan in enumerate(loans)
    ]


def same(kept: float, said: float) -> bool:
    """Whether two probabilities are one; no number is no number, and such a loan is referred."""
    return kept == said or (math.isnan(kept) and math.isnan(said))


def decided(
    model: Model, policy: Policy, loan: Loan, p: float, found: Decision, rules: Sequence[Rule], told: Sequence[Reason]
) -> Decided:
    usable = math.isfinite(p)
    exposure = exposed(policy, model.encoding, loan)
    because = [(rule.name, rule.sentence) for rule in rules if rule.action == found]
    because += [(reason.code, reason.sentence) for reason in told if policy.by_score(p) == found]
    if not usable:
        because.append(("no_score", NO_SCORE))
    if found == "DECLINE" and not because:  # nobody is declined without being told why
        found, because = "REFER", [NO_REASON]
    because = because[:MOST_REASONS]
    loss = p * policy.lgd * exposure if usable and exposure is not None else None
    return Decided(
        loan.customer_id,
        loan.loan_id,
        p if usable else None,
        policy.scale.points(p) if usable else None,
        policy.band(p) if usable else None,
        found,
        loss,
        exposure,
        tuple(code for code, _ in because),
        tuple(sentence for _, sentence in because),
        tuple(rule.name for rule in rules),
        policy.version,
        model.name,
        model.feature_version,
        hashlib.sha256(json.dumps(loan.cells).encode()).hexdigest(),
    )


def action(policy: Policy, p: float, rules: Sequence[Rule]) -> Decision:
    """The severest of what score and rules say; without a probability nothing is approved."""
    said = {policy.by_score(p) if math.isfinite(p) else "REFER", *(rule.action for rule in rules)}
    return "DECLINE" if "DECLINE" in said else "REFER" if "REFER" in said else "APPROVE"


def cells_by_name(encoding: Encoding, loan: Loan) -> Mapping[str, float | str | None]:
    """Numbers as numbers, categories by name, none where a cell is missing."""
    found: dict[str, float | str | None] = {}
    for column, cell in zip(encoding.columns, loan.cells, strict=True):
        value = column.number(cell)
        found[column.name] = column.categories[int(value)] if column.categories and value is not None else value
    return found


def rules_met(policy: Policy, encoding: Encoding, loan: Loan) -> list[Rule]:
    if not policy.rules:
        return []
    cells = cells_by_name(encoding, loan)
    return [rule for rule in policy.rules if rule.meets(cells[rule.column])]


def exposed(policy: Policy, encoding: Encoding, loan: Loan) -> float | None:
    """Exposure at default; none where its column is missing, no number, or below 0."""
    if not isinstance(policy.ead, str):
        return policy.ead
    found = cells_by_name(encoding, loan)[policy.ead]
    return found if isinstance(found, float) and found >= 0 else None


def reasons(
    model: Model, policy: Policy, matrix: np.ndarray, said: np.ndarray, asked: Sequence[int]
) -> list[list[Reason]]:
    """For each row that is asked for, the concepts that raised its score most, at most four, the strongest first.

    A concept's share is the sum of its columns' contributions. It is a reason only if the model gives a lower
    probability where its columns have their usual values (see `references`).
    """
    if not asked:
        return []
    names, rows, never = model.encoding.names, matrix[list(asked)], barred(model)
    spoken = [name for name in names if name not in never and policy.reason_of(name) is not None]
    usual = references(model, matrix, spoken)
    shares = open_library(model.manifest, model.folder).contributions(rows)
    concepts: dict[str, tuple[Reason, list[int]]] = {}
    for place, name in enumerate(names):
        reason = policy.reason_of(name)
        if reason is not None and name in usual:
            concepts.setdefault(reason.code, (reason, []))[1].append(place)
    found = list(concepts.values())
    raised = np.array([shares[:, places].sum(axis=1) for _, places in found]).reshape(len(found), len(rows)).T
    better = np.empty(raised.shape, dtype=bool)
    for n, (_, places) in enumerate(found):
        changed = rows.copy()
        changed[:, places] = [usual[names[place]] for place in places]
        better[:, n] = model.probabilities(changed) < said[list(asked)]
    order = np.argsort(-raised, axis=1, kind="stable")
    return [
        [found[n][0] for n in row if raised[at, n] > 0 and better[at, n]][:MOST_REASONS]
        for at, row in enumerate(order.tolist())
    ]


def barred(model: Model) -> frozenset[str]:
    """Columns that are declared protected, and that the model was trained on all the same. Raises WrongRun."""
    told = model.manifest.get("protected_columns", {})
    found = told.get("trained_on", ()) if isinstance(told, Mapping) else None
    if isinstance(found, str) or not isinstance(found, Collection) or not all(isinstance(name, str) for name in found):
        raise WrongRun("the manifest's protected_columns: expected an object with the names that were trained on")
    return frozenset(found)


def references(model: Model, matrix: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """The usual value of each named column: of a category the commonest, else the median's bin of the baseline.

    `matrix` are the run's rows, of shape (rows, columns). The baseline has deciles of codes: where the fullest bin has
    several categories it cannot say which is the commonest, and the run's rows do. Raises WrongRun for a baseline that
    is none, or that lacks one of the columns.
    """
    path = model.folder / "baseline.json"
    if not path.is_file():
        raise WrongRun("the archive has no baseline.json: train the model with this release")
    found = {}
    try:
        watched = json.loads(path.read_bytes())["columns"]
        absent = [name for name in names if name not in watched]
        for place, column in enumerate(model.encoding.columns):
            if column.name in names and column.name in watched:
                edges, shares = (np.array(watched[column.name][part], dtype=float) for part in ("edges", "shares"))
                value = usual_of(column, edges, shares[:-1], matrix[:, place])  # the last share are missing
                if value is not None:
                    found[column.name] = value
    except (ValueError, TypeError, LookupError, RecursionError) as wrong:
        raise WrongRun(f"the archive's baseline.json is not what training writes: {type(wrong).__name__}") from None
    if absent:
        raise WrongRun(
            f"the archive's baseline.json lacks {', '.join(absent)}, which the model uses, so that no reason could be "
            "told of it: train the model with this release"
        )
    return found


def usual_of(column: Column, edges: np.ndarray, shares: np.ndarray, cells: np.ndarray) -> float | None:
    """None where nothing is known: bin n has values above edge n - 1 and up to edge n, `shares` are one more."""
    if len(shares) != len(edges) + 1:
        raise ValueError("shares do not fit the edges")
    if column.kind == "category":
        fullest = int(np.argmax(shares))
        lowest = math.floor(edges[fullest - 1]) + 1 if fullest else 0
        highest = math.floor(edges[fullest]) if fullest < len(edges) else len(column.categories or ()) - 1
        if lowest == highest:
            return float(lowest)
        codes = cells[~np.isnan(cells)].astype(int)
        return float(np.bincount(codes).argmax()) if len(codes) else None
    if not len(edges):
        return None
    half = int(np.searchsorted(np.cumsum(shares), shares.sum() / 2, side="left"))
    return float(edges[min(half, len(edges) - 1)])
