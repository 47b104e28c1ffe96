"""Prints docs/features.md: every feature from its declaration."""

from __future__ import annotations

from collections.abc import Sequence

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import (
    CalendarFlag,
    CalendarPart,
    Distinct,
    Feature,
    FeatureSet,
    Prefix,
    Window,
    duration_name,
)
from features.fraud import FRAUD
from features.traffic import TRAFFIC

HEAD = """# Features

Made by `make docs` from `features/`; do not edit. What events mean to them is on [the page of meanings](meanings.md).
A window `7d / 6h` reaches back seven days, its tail moving in whole tiles of six hours. An open head ends at the event;
a closed one at the last tile that closed at least the delay ago. The default is the value of somebody never seen.
"""
QUESTIONS = {"fraud": "Is this payment fraud?", "payment_behaviour": "What do payments say of a borrower?"}


def page() -> str:
    return "\n".join([HEAD, section(FRAUD), section(PAYMENT_BEHAVIOUR), traffic()])


def section(features: FeatureSet) -> str:
    told = f"Version `{features.version}`, {len(features.columns)} columns.{patience(features)}"
    rows = [f for f in features.features if f.name in features.columns]
    return table(f"{features.name}: {QUESTIONS[features.name]}", told, rows)


def traffic() -> str:
    told = (
        "For rules, never for models: counted as payments come, behind them by what the counter lags. A decision keeps "
        "what its rules saw."
    )
    return table("traffic: What happens at the merchant right now?", told, TRAFFIC)


def table(title: str, told: str, features: Sequence[Feature]) -> str:
    return "\n".join(
        [
            f"## {title}",
            told,
            "",
            "| feature | meaning | window / tile | head | default | owner |",
            "|---|---|---|---|---|---|",
            *(row(f) for f in features),
            "",
        ]
    )


def patience(features: FeatureSet) -> str:
    if not features.label_patience:
        return ""
    return f" A label counts when it comes within {duration_name(features.label_patience)} of its payment."


def row(feature: Feature) -> str:
    if isinstance(feature, CalendarPart | CalendarFlag | Prefix):
        default = ""
    else:
        default = "unknown" if feature.default is None else str(feature.default)
    cells = (f"`{feature.name}`", feature.description, span(feature), head(feature), default, feature.owner)
    return f"| {' | '.join(cells)} |"


def span(feature: Feature) -> str:
    if isinstance(feature, Window | Distinct):
        return f"{duration_name(feature.length)} / {duration_name(feature.tile)}"
    return ""


def head(feature: Feature) -> str:
    if isinstance(feature, Distinct):
        return "open"
    if isinstance(feature, Window):
        return "open" if feature.open_head else f"closed, {duration_name(feature.delay)} later"
    return ""


if __name__ == "__main__":
    print(page(), end="")
