"""Every set by name. A set takes its options and a target folder, and returns rows per file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from datasets import generated
from datasets.population import Settings


class Unusable(ValueError):
    """A source or an option cannot be used; the text says what was expected and what came."""


def generate(options: Mapping[str, str], target: Path) -> dict[str, int]:
    """Options: SIZE (payments), LOANS, DAYS, SEED, START."""
    names = {"SIZE": "payments", "LOANS": "loans", "DAYS": "days", "SEED": "seed"}
    try:
        numbers = {field: int(options[option]) for option, field in names.items() if option in options}
    except ValueError:
        raise Unusable(f"{', '.join(names)} are whole numbers, got {dict(options)}") from None
    if not 10_000 <= numbers.get("payments", 10_000) <= 100_000_000:
        raise Unusable(f"SIZE is between 10 thousand and 100 million payments, got {numbers['payments']}")
    start = {"start": options["START"]} if "START" in options else {}
    return generated.write(Settings(**numbers, **start), target)


SETS: dict[str, Callable[[Mapping[str, str], Path], dict[str, int]]] = {"generated": generate}
