"""Whether a set can teach: said in words before anything is trained, with what to bring."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from training.columns import Decisions
from training.fraud_set import NothingToLearn

# A leaf of XGBoost needs a weight of 5 and a row weighs a quarter, four fifths of the rows are drawn for a tree: fewer
# rows than these cannot be split once.
LEAST_THAT_TRAIN = 50
LEAST_OF_A_CLASS = {"train": 5, "validation": 1, "test": 1}


def require_rows(parts: Mapping[str, pd.DataFrame], rows: str, classes: tuple[str, str]) -> None:
    """Raises NothingToLearn unless every part has rows of both classes, and the training part enough of them.

    `rows` is what a row is called, `classes` are the words for the labels 0 and 1.
    """
    total = sum(len(part) for part in parts.values())
    if len(parts["train"]) < LEAST_THAT_TRAIN:
        raise NothingToLearn(
            f"{total} {rows} with a known outcome leave {len(parts['train'])} that train, expected at least "
            f"{LEAST_THAT_TRAIN}: bring older {rows} with their outcomes"
        )
    for name, part in parts.items():
        require_classes(name, part, rows, classes)


def require_classes(name: str, part: pd.DataFrame, rows: str, classes: tuple[str, str]) -> None:
    """Raises NothingToLearn unless the rows of one part hold enough of both classes."""
    for label, word in enumerate(classes):
        count, least = int((part["label"] == label).sum()), LEAST_OF_A_CLASS[name]
        if count < least:
            span = f", of {part['at'].min()} to {part['at'].max()}," if len(part) else ""
            older = f"bring older {rows} with their outcomes"
            newer = f"bring the outcomes of the newest {rows} too, or train as of a day when more of them are known"
            raise NothingToLearn(
                f"the {len(part)} {rows} of the {name} part{span} hold {count} {word}, expected at least {least}: "
                f"{older if name == 'train' else newer}"
            )


def require_columns(decided: Decisions) -> None:
    """Raises NothingToLearn unless a column is left to learn from."""
    if not decided.encoding.columns:
        aside = "; ".join(f"{d.name}: {d.reason}" for d in decided.columns) or "there is none"
        raise NothingToLearn(f"no column with two different values that a model may learn from ({aside})")
