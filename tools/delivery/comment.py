"""One comment about all plans of a change: what each would do in a table, then as much of them as has room."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from tools.delivery.fitting import cut, shares, size
from tools.delivery.safe import fenced, hidden, inline

MARKER = "<!-- the plans of this change -->"
ROOM = 60_000  # bytes: GitHub takes 65,536 characters
SUMMARY = re.compile(r"^(No changes\.|Plan: .*|Changes to Outputs:)", re.MULTILINE)
NO_PLAN = "There is no plan: it failed or was refused, the run's log says why."


@dataclass(frozen=True)
class Part:
    """One text of an environment: a stack's plan, what the guard says, or the cost."""

    environment: str
    title: str
    text: str

    def document(self) -> dict[str, str]:
        return asdict(self)


def summary(text: str) -> str:
    """The line of a plan that says how much it changes; the first line of any other text."""
    found = SUMMARY.search(text)
    if found:
        return {"Changes to Outputs:": "Only outputs change."}.get(found[1], found[1])
    return next((line for line in text.splitlines() if line.strip()), NO_PLAN)


def composed(parts: list[Part], room: int = ROOM) -> str:
    """The comment, in at most `room` bytes."""
    safe = [Part(part.environment, part.title, hidden(part.text).strip() or NO_PLAN) for part in parts]
    rows = [
        f"| {inline(part.environment)} | {inline(part.title)} | {inline(summary(part.text))[:300]} |" for part in safe
    ]
    head = "\n".join([MARKER, "### What this would change", "", "| environment | | |", "|---|---|---|", *rows, ""])
    frames = [_folded(part, "") for part in safe]
    left = room - size(head) - sum(size(frame) + 1 for frame in frames)
    bodies = [cut(part.text, share) for part, share in zip(safe, shares(_needs(safe), left), strict=True)]
    return "\n".join([head, *(_folded(part, body) for part, body in zip(safe, bodies, strict=True))])


def _needs(parts: list[Part]) -> list[int]:
    """Bytes that each text needs, its longer fences included."""
    return [size(_folded(part, part.text)) - size(_folded(part, "")) for part in parts]


def _folded(part: Part, body: str) -> str:
    title = f"{inline(part.environment)}, {inline(part.title)}"
    return f"<details><summary>{title}</summary>\n\n{fenced(body)}\n\n</details>\n"
