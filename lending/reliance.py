"""How far the reasons of a run can be relied on: whether everybody has some, whether they led to the decision, and
whether small changes of what a loan says leave them as they are.

`told` are the principal reasons of `lending.deciding`, of loans that the score alone does not approve.

Coverage: loans with a reason, and how much of all that raised their scores the told ones bear. Fidelity: the columns of
the told reasons are put at their usual values; what becomes of the score, and of the decision by it, is what these
columns did (the deletion test: Samek and others, 2017, IEEE TNNLS 28(11)). Stability: numbers move by NOISE, drawn
anew a few times; loans whose set of reasons is another then, among those that are still not approved.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from features.encoding import Encoding
from lending.deciding import Cells, Loan, Scorer, Weight, log_odds, principal, references, usable, weighed
from lending.policy import Policy

NOISE, DRAWS, SEED = 0.01, 5, 7
MOST_UNSTABLE = 0.02  # of the loans: more of them would be told other reasons tomorrow
WIDTH = 1.959964  # standard errors of a 95 % interval
Noise = Mapping[int, float]  # by column, the unit of what is drawn: nothing of a column of categories


def reliance(model: Scorer, policy: Policy, loans: Sequence[Loan]) -> dict:
    """Figures of a run's reasons, as the module says; None where no loan of it needs any."""
    rows = [loan.cells for loan in loans]
    said = model.said(rows)
    asked = [n for n, p in enumerate(said) if usable(p) and policy.by_score(p) != "APPROVE"]
    if not asked:
        return {"loans": 0, "coverage": None, "fidelity": None, "stability": None}
    weights = weighed(model, policy, rows, said, asked)
    return {
        "loans": len(asked),
        "coverage": covered(weights),
        "fidelity": faithful(model, policy, rows, said, asked, weights),
        "stability": {
            "of_the_spread": stable(model, policy, rows, said, asked, spread(model.encoding, rows)),
            "of_the_value": stable(model, policy, rows, said, asked, None),
            "at_most": MOST_UNSTABLE,
        },
    }


def covered(weights: Sequence[Sequence[Weight]]) -> dict:
    told = [principal(one) for one in weights]
    borne = [
        math.fsum(w.raised for w in some) / math.fsum(w.raised for w in all_of_them)
        for some, all_of_them in zip(told, weights, strict=True)
        if all_of_them
    ]
    return {
        "with_a_reason": sum(map(bool, told)) / len(told),
        "reasons_on_average": statistics.fmean(map(len, told)),
        "borne_at_the_median": statistics.median(borne) if borne else None,
    }


def faithful(
    model: Scorer,
    policy: Policy,
    rows: Sequence[Cells],
    said: Sequence[float],
    asked: Sequence[int],
    weights: Sequence[Sequence[Weight]],
) -> dict:
    """`other_decision`: loans that the score would decide milder without the told reasons. `share_of_the_way`: of what
    the log-odds fall when all reasons go, how much they fall when the told ones go, at the median."""
    names = model.encoding.names
    usual = references(model, rows, [n for n in names if policy.reason_of(n) is not None])
    told = [frozenset(place for w in principal(one) for place in w.places) for one in weights]
    every = [frozenset(place for w in one for place in w.places) for one in weights]
    without: dict[tuple[int, frozenset[int]], float] = {}
    for places in dict.fromkeys(places for places in (*told, *every) if places):
        theirs = [n for n, pair in enumerate(zip(told, every, strict=True)) if places in pair]
        (found,) = model.changed([rows[asked[n]] for n in theirs], [{p: usual[names[p]] for p in sorted(places)}])
        without |= {(n, places): p for n, p in zip(theirs, found, strict=True)}
    milder, way = 0, []
    for n, (some, all_of_them) in enumerate(zip(told, every, strict=True)):
        if not some:
            continue
        p = said[asked[n]]
        milder += ORDER[policy.by_score(without[n, some])] < ORDER[policy.by_score(p)]
        whole = log_odds(p) - log_odds(without[n, all_of_them])
        if 0 < whole < math.inf:
            way.append((log_odds(p) - log_odds(without[n, some])) / whole)
    return {
        "other_decision": milder / len(told),
        "share_of_the_way_at_the_median": statistics.median(way) if way else None,
    }


ORDER = {"APPROVE": 0, "REFER": 1, "DECLINE": 2}


def stable(
    model: Scorer,
    policy: Policy,
    rows: Sequence[Cells],
    said: Sequence[float],
    asked: Sequence[int],
    units: Noise | None,
) -> dict:
    """The share of loans whose set of reasons changes, over the draws, with a 95 % interval over loans. `units` are
    those of the noise by column; None where a number moves by a part of itself."""
    before = sets(model, policy, rows, said, asked)
    rng = np.random.default_rng(SEED)
    compared, others = np.zeros(len(asked)), np.zeros(len(asked))
    for _ in range(DRAWS):
        moved = noisy(model.encoding, rows, units, rng)
        p = model.said(moved)
        still = [k for k, n in enumerate(asked) if usable(p[n]) and policy.by_score(p[n]) != "APPROVE"]
        after = sets(model, policy, moved, p, [asked[k] for k in still])
        for k, found in zip(still, after, strict=True):
            compared[k] += 1
            others[k] += found != before[k]
    share = others.sum() / max(compared.sum(), 1)
    # Draws of one loan are no news of each other: what is independent are the loans.
    error = math.sqrt(float(((others - share * compared) ** 2).sum())) / max(compared.sum(), 1)
    return {
        "changed": float(share),
        "low": max(0.0, float(share - WIDTH * error)),
        "high": float(share + WIDTH * error),
    }


def sets(
    model: Scorer, policy: Policy, rows: Sequence[Cells], said: Sequence[float], asked: Sequence[int]
) -> list[frozenset[str]]:
    return [frozenset(w.reason.code for w in principal(one)) for one in weighed(model, policy, rows, said, asked)]


def spread(encoding: Encoding, rows: Sequence[Cells]) -> Noise:
    """The standard deviation of each column of numbers, over the loans that say one."""
    found: dict[int, float] = {}
    for place, column in enumerate(encoding.columns):
        if column.kind == "number":
            known = [value for row in rows if (value := column.number(row[place])) is not None]
            found[place] = statistics.pstdev(known) if known else 0.0
    return found


def noisy(encoding: Encoding, rows: Sequence[Cells], units: Noise | None, rng: np.random.Generator) -> list[Cells]:
    """Rows whose numbers are moved by NOISE of a unit; a column of whole numbers stays one."""
    found = [list(row) for row in rows]
    for place, column in enumerate(encoding.columns):
        if column.kind != "number":
            continue
        values = [column.number(row[place]) for row in rows]
        whole = all(value is None or value == round(value) for value in values)
        for row, value, drawn in zip(found, values, rng.normal(size=len(rows)).tolist(), strict=True):
            if value is not None:
                moved = value + NOISE * drawn * (abs(value) if units is None else units[place])
                row[place] = column.written(float(round(moved)) if whole else moved)
    return [tuple(row) for row in found]


def in_words(found: Mapping) -> list[str]:
    """The figures in words."""
    if not found["loans"]:
        return ["the score approves every loan of this run: no reason is told"]
    covers, holds = found["coverage"], found["fidelity"]
    lines = [
        f"{found['loans']} loans that the score does not approve",
        f"coverage: {covers['with_a_reason']:.1%} have a reason, {covers['reasons_on_average']:.1f} on average, which "
        f"bear {covers['borne_at_the_median']:.0%} of what raised the score (median)"
        if covers["borne_at_the_median"] is not None
        else "coverage: none has a reason",
        f"fidelity: without the told reasons the score would decide {holds['other_decision']:.1%} milder",
    ]
    if holds["share_of_the_way_at_the_median"] is not None:
        lines[-1] += f"; they are {holds['share_of_the_way_at_the_median']:.0%} of the way (median)"
    for name, words in (("of_the_spread", "the spread of its column"), ("of_the_value", "itself")):
        one = found["stability"][name]
        moved = f"when each number moves by {NOISE:.0%} of {words}"
        lines.append(
            f"stability: {one['changed']:.1%} [{one['low']:.1%}, {one['high']:.1%}] have other reasons {moved}"
        )
    worse = found["stability"]["of_the_spread"]["changed"] > MOST_UNSTABLE
    lines.append(f"{'MISSED' if worse else 'held'}: at most {MOST_UNSTABLE:.0%} by the spread")
    return lines
