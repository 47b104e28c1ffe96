"""Every set by name. A set takes its options and a target folder, and returns rows per file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from datasets import generated, loan_episodes, payment_episodes
from datasets.conversion import Writer, dated_loans, loans, payments
from datasets.dated_loan_sets import DATED_LOAN_SETS
from datasets.loan_sets import LOAN_SETS
from datasets.options import days, first_day, whole
from datasets.payment_sets import PAYMENT_SETS
from datasets.population import Settings
from datasets.progress import Told, untold
from datasets.unusable import Unusable

__all__ = ["OPTIONS", "SETS", "Unusable"]

OPTIONS = (
    *("NAME", "OUT", "SOURCE", "START", "DAYS", "SEED", "SIZE", "LOANS"),
    *("LENDER", "RECESSION", "POLICY_CHANGE", "FRAUDS_ONLY", "FRAUD_KINDS"),
    *("LOAN_EPISODE", "PAYMENT_EPISODE", "EPISODE_FROM"),
)


def generate(options: Mapping[str, str], folder: Path, told: Told = untold) -> dict[str, int]:
    """Options: SIZE (payments), LOANS, DAYS, SEED, START; LENDER=1 with RECESSION and POLICY_CHANGE (days),
    FRAUDS_ONLY=1 and FRAUD_KINDS=1; LOAN_EPISODE, PAYMENT_EPISODE and EPISODE_FROM (a day)."""
    lender = whole(options, "LENDER", 0, 1)
    turns = {"recession": first_day(options, "RECESSION"), "policy_change": first_day(options, "POLICY_CHANGE")}
    if any(turns.values()) and not lender:
        raise Unusable(
            "RECESSION, POLICY_CHANGE: expected LENDER=1 with them, since only performance and decisions tell"
        )
    asked: dict[str, Any] = {
        "payments": whole(options, "SIZE", 10_000, 100_000_000),
        "loans": whole(options, "LOANS", 1, 10_000_000),
        "days": days(options),
        "seed": whole(options, "SEED", 0, 2**32 - 1),
        "start": str(first_day(options) or Settings.start),
        "lender": bool(lender),
        "frauds_only": bool(whole(options, "FRAUDS_ONLY", 0, 1)),
        "fraud_kinds": bool(whole(options, "FRAUD_KINDS", 0, 1)),
        **{name: str(day) for name, day in turns.items() if day},
        **episode(options),
    }
    return generated.write(
        Settings(**{name: value for name, value in asked.items() if value is not None}), folder, told
    )


EPISODES: Mapping[str, Collection[str]] = {
    "LOAN_EPISODE": loan_episodes.EPISODES,
    "PAYMENT_EPISODE": payment_episodes.EPISODES,
}


def episode(options: Mapping[str, str]) -> dict[str, str]:
    """LOAN_EPISODE, PAYMENT_EPISODE or both, with EPISODE_FROM, or none. Raises Unusable."""
    named = {word: options[word] for word in EPISODES if options.get(word)}
    since = first_day(options, "EPISODE_FROM")
    for word, name in named.items():
        if name not in EPISODES[word] or since is None:
            known = ", ".join(EPISODES[word])
            raise Unusable(f"{word}: expected one of {known}, with EPISODE_FROM=day, got {name!r}")
    if since is not None and not named:
        raise Unusable(f"EPISODE_FROM: expected {' or '.join(EPISODES)} with it, which begins on that day")
    return {word.lower(): name for word, name in named.items()} | ({"episode_from": str(since)} if named else {})


SETS: dict[str, Writer] = {
    "generated": generate,
    **{declared.name: payments(declared) for declared in PAYMENT_SETS},
    **{declared.name: loans(declared) for declared in LOAN_SETS},
    **{declared.name: dated_loans(declared) for declared in DATED_LOAN_SETS},
}
