"""Decisions and their reasons from a kept run: its rows, its model and a policy give the same bits whenever asked."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from features.encoding import Encoding
from inference.model import Model, open_library
from tools.lending.policy import Decision, Policy, Reason, Rule

MOST_REASONS = 4  # Regulation B, 12 CFR 1002.9, commentary to paragraph 9(b)(2): more are not likely to help
NO_SCORE = "the model gave no usable probability"
CONSTANT = "constant"


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
    found = [line for line in csv.reader(rows) if line]
    if wrong := next((n for n, line in enumerate(found, 1) if len(line) != columns + 2), None):
        raise WrongRun(f"line {wrong} of the rows: expected {columns + 2} cells, got {len(found[wrong - 1])}")
    loans = [Loan(line[0], line[1], tuple(line[2:])) for line in found]
    if predictions is None:
        return loans
    said = [line for line in csv.reader(predictions) if line]
    if [(line[0], line[1]) for line in said] != [(loan.customer_id, loan.loan_id) for loan in loans]:
        raise WrongRun(f"predictions of {len(said)} loans are not those of the {len(loans)} rows, in their order")
    try:
        return [
            Loan(loan.customer_id, loan.loan_id, loan.cells, float(line[2]))
            for loan, line in zip(loans, said, strict=True)
        ]
    except (ValueError, IndexError):
        raise WrongRun("predictions: expected customer_id,loan_id,default_prob") from None


def decide(model: Model, policy: Policy, loans: Sequence[Loan]) -> list[Decided]:
    """One decision for each loan, in order.

    Raises WrongRun where the model says another probability than the run kept, and policy.InvalidPolicy.
    """
    names = model.encoding.names
    constant = model.manifest["learner"] == CONSTANT
    policy.require_columns(() if constant else names, names, barred(model))
    if not loans:
        return []
    matrix = model.matrix([loan.cells for loan in loans])
    said = model.probabilities(matrix)
    other = [n for n, loan in enumerate(loans) if loan.kept is not None and loan.kept != said[n]]
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


def decided(
    model: Model, policy: Policy, loan: Loan, p: float, found: Decision, rules: Sequence[Rule], told: Sequence[Reason]
) -> Decided:
    usable = math.isfinite(p)
    exposure = exposed(policy, model.encoding, loan)
    because = [(rule.name, rule.sentence) for rule in rules if rule.action == found]
    because += [(reason.code, reason.sentence) for reason in told if policy.by_score(p) == found]
    if not usable:
        because.append(("no_score", NO_SCORE))
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
    """Exposure at default; none where its column is missing or no number."""
    if not isinstance(policy.ead, str):
        return policy.ead
    found = cells_by_name(encoding, loan)[policy.ead]
    return found if isinstance(found, float) else None


def reasons(
    model: Model, policy: Policy, matrix: np.ndarray, said: np.ndarray, asked: Sequence[int]
) -> list[list[Reason]]:
    """For each row that is asked for, the concepts that raised its score most, at most four, the strongest first.

    A concept's share is the sum of its columns' contributions. It is a reason only if the model gives a lower
    probability where its columns have the usual values of the rows that the model learned from.
    """
    if not asked:
        return []
    names, rows, never = model.encoding.names, matrix[list(asked)], barred(model)
    usual = references(model)
    shares = open_library(model.manifest, model.folder).contributions(rows)
    concepts: dict[str, tuple[Reason, list[int]]] = {}
    for place, name in enumerate(names):
        reason = policy.reason_of(name)
        if reason is not None and name in usual and name not in never:
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
    """Columns that are declared protected, and that the model was trained on all the same."""
    return frozenset(model.manifest.get("protected_columns", {}).get("trained_on", ()))


def references(model: Model) -> dict[str, float]:
    """The usual value of each column that the archive watches: of a category the commonest, else the median's bin."""
    path = model.folder / "baseline.json"
    if not path.is_file():
        raise WrongRun("the archive has no baseline.json: train the model with this release")
    watched = json.loads(path.read_text())["columns"]
    found = {}
    for column in model.encoding.columns:
        known = watched.get(column.name)
        if not known or not known["edges"]:
            continue
        shares = np.array(known["shares"][:-1])  # the last are missing
        half = np.searchsorted(np.cumsum(shares), shares.sum() / 2, side="left")
        place = int(np.argmax(shares)) if column.kind == "category" else int(half)
        found[column.name] = float(known["edges"][min(place, len(known["edges"]) - 1)])
    return found
