"""Prints docs/features.md: every feature from its declaration."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import get_args

from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import (
    CalendarFlag,
    CalendarPart,
    Declared,
    Distinct,
    Feature,
    FeatureSet,
    LocalPart,
    Prefix,
    Window,
    duration_name,
)
from features.fraud import FRAUD
from features.traffic import PLACED

HEAD = """# Features

Made by `make docs` from `features/`; do not edit. What events mean to them is on [the page of meanings](meanings.md).
A window `7d / 6h` reaches back seven days, its tail moving in whole tiles of six hours. An open head ends at the event;
a closed one at the last tile that closed at least the delay ago. The default is the value of somebody never seen.
"""
QUESTIONS = {"fraud": "Is this payment fraud?", "payment_behaviour": "What do payments say of a borrower?"}


def page() -> str:
    return "\n".join([HEAD, section(FRAUD), section(PAYMENT_BEHAVIOUR), traffic(), vocabulary()])


def section(features: FeatureSet) -> str:
    told = f"Version `{features.version}`, {len(features.columns)} columns.{patience(features)}"
    rows = [f for f in features.features if f.name in features.columns]
    return table(f"{features.name}: {QUESTIONS[features.name]}", told, rows)


def traffic() -> str:
    told = (
        "For rules, never for models: counted as payments come, behind them by what the counter lags. A decision keeps "
        "what its rules saw, in this order. Frauds are those of [what the API door has answered within a "
        "day](rules.md#frauds-of-the-day); a label that takes one back takes nothing off."
    )
    return table("traffic: What happens right now?", told, PLACED)


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


def vocabulary() -> str:
    """Every kind of declaration: what it is given, what it means."""
    rows = [f"| `{kind.__name__}` | {given(kind)} | {first_paragraph(kind)} |" for kind in get_args(Feature)]
    return "\n".join(
        [
            "## What can be declared",
            "By ours, and by [features of your own](feature-store.md#features-of-your-own).",
            "",
            "| kind | given (`=`: may be left out) | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def given(kind: type) -> str:
    told = {f.name for f in fields(Declared)}
    asked = [f for f in fields(kind) if f.name not in told]
    return ", ".join(f"`{f.name}{'' if f.default is MISSING else '='}`" for f in asked)


def first_paragraph(kind: type) -> str:
    return " ".join(inspect.getdoc(kind).partition("\n\n")[0].split())  # type: ignore[union-attr]


def patience(features: FeatureSet) -> str:
    if not features.label_patience:
        return ""
    return f" A label counts when it comes within {duration_name(features.label_patience)} of its payment."


def row(feature: Feature) -> str:
    if isinstance(feature, CalendarPart | CalendarFlag | LocalPart | Prefix):
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
