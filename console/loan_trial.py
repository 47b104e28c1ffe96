"""One loan before its model and its policy: what each column did to the score, and what both say of other cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lending.changes import Way, ways
from lending.deciding import Loan, Scorer, action, lacking, rules_met
from lending.policy import Decision, Policy


@dataclass(frozen=True)
class Trial:
    """A probability of default, what the policy makes of it, the rules that the loan meets, and what each column of the
    model did to its log-odds, the most telling first (exact: they add up to it)."""

    default_prob: float
    decision: Decision
    points: int
    band: str
    rules: list[str]
    contributions: list[tuple[str, float]]


def tried(model: Scorer, policy: Policy, loan: Loan) -> Trial:
    (p,), (added,) = model.said([loan.cells]), model.contributions([loan.cells])
    rules = rules_met(policy, model.encoding, loan)
    named = zip(model.encoding.names, map(float, added), strict=True)
    return Trial(
        p,
        action(policy, p, rules, lacking(policy, model.encoding, loan)),
        policy.scale.points(p),
        policy.band(p),
        [rule.name for rule in rules],
        sorted(named, key=lambda one: -abs(one[1])),
    )


def with_cells(model: Scorer, loan: Loan, changes: Mapping[str, float | str | None]) -> Loan:
    """The loan with other cells by column, each as the model reads it; none is a cell that is missing."""
    columns = model.encoding.columns
    cells = tuple(
        column.written(changes[column.name]) if column.name in changes else cell
        for column, cell in zip(columns, loan.cells, strict=True)
    )
    return replace(loan, cells=cells, kept=None, unread=tuple(name for name in loan.unread if name not in changes))


def ways_in_words(model: Scorer, policy: Policy, loan: Loan) -> list[str]:
    """What would have to change for a yes, by the moves that the policy declares; empty where no declared move leads
    there."""
    return [in_words(way) for way in ways(model, policy, loan)]


def in_words(way: Way) -> str:
    return " and ".join(f"{change.column} from {change.was:g} to {change.to:g}" for change in way)
