"""What would have to change for a yes: a search over the moves that a policy declares, on the model itself.

Only declared columns move, each in its direction and no further than declared, in its steps. Every change that is told
was scored and judged as a loan with those cells would be, so none is a guess, whatever shape the model has. One column
is tried before two, and of several the one that goes the smallest part of its way (counterfactual explanations:
Wachter, Mittelstadt and Russell, 2018). Other columns stay as they are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lending.deciding import Loan, Scorer, action, lacking, rules_met
from lending.policy import Move, Policy

ALONE, TOGETHER = 200, 20  # values of one column that are tried alone, and of each where two move
MOST_TOLD = 3  # ways to a yes, the shortest first
PLACES = 9  # decimals of a value on the way: 0.1 thirty times is 3


@dataclass(frozen=True)
class Change:
    """One column's value, and the one that it would have to have."""

    column: str
    was: float
    to: float


Way = tuple[Change, ...]


def ways(model: Scorer, policy: Policy, loan: Loan) -> list[Way]:
    """At most MOST_TOLD ways to an approval, the shortest first: of one column each or, where none leads there, of two.
    None for a loan that is approved, that lacks what a person must look at, or that no declared move approves."""
    if verdicts(model, policy, [loan]) == [True] or lacking(policy, model.encoding, loan):
        return []
    moves = [move for move in policy.moves if move.column in model.encoding.names]
    paths = [path for move in moves if (path := values(model, move, loan, ALONE))]
    found = approved(model, policy, loan, [[(step,) for step in path] for path in paths])
    if not found:
        coarse = [path for move in moves if (path := values(model, move, loan, TOGETHER))]
        found = approved(
            model, policy, loan, [list(itertools.product(a, b)) for a, b in itertools.combinations(coarse, 2)]
        )
    return [way for _, way in sorted(found, key=lambda one: one[0])][:MOST_TOLD]


Step = tuple[float, Change]  # which part of its way a column has gone, and where it is then


def values(model: Scorer, move: Move, loan: Loan, most: int) -> list[Step]:
    """Where a column may go, the nearest first; nothing where its cell is missing or already at the end."""
    place = model.encoding.names.index(move.column)
    was = model.encoding.columns[place].number(loan.cells[place])
    if was is None or not math.isfinite(was):
        return []
    way = move.until - was
    steps = math.floor(round(abs(way) / move.step, PLACES))
    if steps < 1 or (way > 0) is not move.rises:
        return []
    every = math.ceil(steps / most)
    taken = sorted({*range(every, steps + 1, every), steps})
    sign = 1 if move.rises else -1
    return [(n / steps, Change(move.column, was, round(was + sign * n * move.step, PLACES))) for n in taken]


def approved(
    model: Scorer, policy: Policy, loan: Loan, groups: Sequence[Sequence[tuple[Step, ...]]]
) -> list[tuple[float, Way]]:
    """Of each group the shortest way that is approved, with its length: the sum of the parts that its columns go."""
    tried = [way for group in groups for way in group]
    said = iter(verdicts(model, policy, [moved(model, loan, [change for _, change in way]) for way in tried]))
    found = []
    for group in groups:
        yes = [way for way in group if next(said)]
        if yes:
            shortest = min(yes, key=lambda way: sum(part for part, _ in way))
            found.append((sum(part for part, _ in shortest), tuple(change for _, change in shortest)))
    return found


def moved(model: Scorer, loan: Loan, changes: Sequence[Change]) -> Loan:
    cells = list(loan.cells)
    for change in changes:
        place = model.encoding.names.index(change.column)
        cells[place] = model.encoding.columns[place].written(change.to)
    return replace(loan, cells=tuple(cells), kept=None)


def verdicts(model: Scorer, policy: Policy, loans: Sequence[Loan]) -> list[bool]:
    """Whether each would be approved, by score and rules."""
    if not loans:
        return []
    said = model.said([loan.cells for loan in loans])
    return [
        action(policy, p, rules_met(policy, model.encoding, loan), lacking(policy, model.encoding, loan)) == "APPROVE"
        for p, loan in zip(said, loans, strict=True)
    ]
