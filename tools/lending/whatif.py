"""What a policy does to loans whose outcome is known, and what other cut-offs would have done."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lending.deciding import Decided, WrongRun
from lending.policy import InvalidPolicy, Policy

SHARES = tuple(n / 10 for n in range(1, 11))  # of the loans that a cut-off approves
WIDTH = 1.959964  # standard errors of a 95 % interval


def outcomes_of(lines: Iterable[str]) -> dict[str, int]:
    """`loan_id,defaulted` with a header. Raises InvalidPolicy."""
    rows = csv.DictReader(lines)
    found: dict[str, int] = {}
    try:
        names = rows.fieldnames or ()
        if not {"loan_id", "defaulted"} <= set(names):
            raise InvalidPolicy(f"outcomes: expected columns loan_id and defaulted, got {', '.join(names)}")
        for row in rows:
            place = f"outcomes, line {rows.line_num}"
            if None in row or None in row.values():
                raise InvalidPolicy(f"{place}: expected {len(names)} cells, as the header has")
            if not row["loan_id"] or row["defaulted"] not in ("0", "1"):
                raise InvalidPolicy(f"{place}: expected a loan_id, and defaulted to be 0 or 1")
            outcome = int(row["defaulted"])
            if found.setdefault(row["loan_id"], outcome) != outcome:
                raise InvalidPolicy(f"{place}: {row['loan_id']} comes again with another outcome")
    except csv.Error as wrong:
        raise InvalidPolicy(f"outcomes: expected lines of CSV: {wrong}") from None
    return found


def what_if(policy: Policy, decided: Sequence[Decided], outcomes: Mapping[str, int]) -> dict:
    """Figures of each of the policy's decisions and bands, and of cut-offs at tenths of all probabilities.

    The policy's rules hold at every cut-off: a loan that one of them declines or refers is not approved by its score.
    Raises deciding.WrongRun where no loan of the run has an outcome.
    A rate has a 95 % interval (Wilson, 1927) and counts loans with an outcome only; losses count those, too, so that
    what was expected and what came are of the same loans.
    """
    p = np.array([one.default_prob if one.default_prob is not None else math.inf for one in decided])
    usable = p[np.isfinite(p)]
    cutoffs = [float(np.quantile(usable, share)) for share in SHARES] if len(usable) else []
    unruled = np.array([not one.rules for one in decided], dtype=bool)
    if not any(one.loan_id in outcomes for one in decided):
        raise WrongRun(f"none of the run's {len(decided)} loans is among the {len(outcomes)} outcomes that are known")
    return {
        "policy_version": policy.version,
        "loans": len(decided),
        "with_outcome": sum(one.loan_id in outcomes for one in decided),
        "decisions": {
            name: figures(policy, decided, [one.decision == name for one in decided], outcomes)
            for name in ("APPROVE", "REFER", "DECLINE")
        },
        "bands": {
            name: figures(policy, decided, [one.band == name for one in decided], outcomes) for name, _ in policy.bands
        },
        "cutoffs": [
            {"at_most": cutoff, **figures(policy, decided, ((p <= cutoff) & unruled).tolist(), outcomes)}
            for cutoff in cutoffs
        ],
    }


def figures(policy: Policy, decided: Sequence[Decided], chosen: Sequence[bool], outcomes: Mapping[str, int]) -> dict:
    among = [one for one, is_chosen in zip(decided, chosen, strict=True) if is_chosen]
    known = [(one, outcomes[one.loan_id]) for one in among if one.loan_id in outcomes]
    bad = sum(outcome for _, outcome in known)
    low, high = wilson(bad, len(known))
    expected = sum(one.expected_loss or 0.0 for one, _ in known)
    realised = sum(policy.lgd * (one.exposure or 0.0) for one, outcome in known if outcome)
    if not (math.isfinite(expected) and math.isfinite(realised)):
        raise WrongRun("the sum of the loans' exposures is larger than a number can be: look at the column of ead")
    return {
        "loans": len(among),
        "share": len(among) / len(decided) if decided else None,
        "with_outcome": len(known),
        "bad_rate": bad / len(known) if known else None,
        "bad_rate_low": low,
        "bad_rate_high": high,
        "expected_loss": expected,
        "realised_loss": realised,
        "without_exposure": sum(one.exposure is None for one, _ in known),
    }


def wilson(bad: int, n: int) -> tuple[float | None, float | None]:
    if not n:
        return None, None
    rate, z = bad / n, WIDTH**2 / n
    middle, half = rate + z / 2, WIDTH * math.sqrt(rate * (1 - rate) / n + z / (4 * n))
    return max(0.0, (middle - half) / (1 + z)), min(1.0, (middle + half) / (1 + z))


def shown(found: Mapping) -> list[str]:
    """As a table to read."""

    def row(name: str, of: Mapping) -> str:
        rate = "-"
        if of["bad_rate"] is not None:
            rate = f"{of['bad_rate']:.3f} [{of['bad_rate_low']:.3f}, {of['bad_rate_high']:.3f}]"
        share = "-" if of["share"] is None else f"{of['share']:.1%}"
        return (
            f"{name:<18}{of['loans']:>8}{share:>9}{of['with_outcome']:>10}  {rate:<24}"
            f"{of['expected_loss']:>14,.0f}{of['realised_loss']:>14,.0f}"
        )

    counted = f"{'':<18}{'loans':>8}{'share':>9}{'outcomes':>10}"
    return [
        f"policy {found['policy_version']}: {found['loans']} loans, {found['with_outcome']} with an outcome",
        f"{counted}  {'bad rate [95 %]':<24}{'expected':>14}{'realised loss':>14}",
        *(row(name, of) for name, of in found["decisions"].items()),
        *(row(f"band {name}", of) for name, of in found["bands"].items()),
        *(row(f"PD <= {of['at_most']:.4f}", of) for of in found["cutoffs"]),
    ]
