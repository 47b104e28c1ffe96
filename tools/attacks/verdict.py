"""What an attack amounted to, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Attack:
    """`asked` is what was sent, with its counts; `expected` and `seen` are sentences of the same things."""

    name: str
    asked: str
    expected: str
    seen: str
    holds: bool


def table(attacks: Sequence[Attack]) -> list[str]:
    """Lines for the terminal: what was seen of each; of one that fails, what was asked and expected, too."""
    wide = max((len(attack.name) for attack in attacks), default=0)
    lines = []
    for attack in attacks:
        lines.append(f"{'holds' if attack.holds else 'FAILS'}  {attack.name:<{wide}}  {attack.seen}")
        if not attack.holds:
            lines += [f"       asked: {attack.asked}", f"       expected: {attack.expected}"]
    return [*lines, f"{len(attacks)} attacks, {sum(attack.holds for attack in attacks)} hold"]


def write(attacks: Iterable[Attack], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(attack) for attack in attacks], indent=1) + "\n")
