"""The issue about drift: open while any environment differs from what main says, closed when none does."""

from __future__ import annotations

from dataclasses import dataclass

from tools.delivery.comment import summary
from tools.delivery.fitting import cut, shares, size
from tools.delivery.safe import fenced, hidden, inline

MARKER = "<!-- drift -->"
TITLE = "What runs differs from what main says"
ROOM = 60_000
SAME, FAILED, DIFFERS = 0, 1, 2  # as `terraform plan -detailed-exitcode` has them
WORDS = {SAME: "as main says", FAILED: "could not be looked at", DIFFERS: "differs"}


@dataclass(frozen=True)
class Look:
    """One environment as it was found."""

    environment: str
    code: int
    text: str


def wanted(looks: list[Look]) -> bool:
    """Whether there is something to tell. That nobody could look is to be told too."""
    return any(look.code != SAME for look in looks)


def issue(looks: list[Look], run: str, room: int = ROOM) -> str:
    """The issue's text, in at most `room` bytes."""
    rows = [f"| {inline(look.environment)} | {WORDS.get(look.code, WORDS[FAILED])} |" for look in looks]
    told = [(look, hidden(look.text).strip()) for look in looks if look.code != SAME]
    head = "\n".join(
        [
            MARKER,
            "| environment | |",
            "|---|---|",
            *rows,
            "",
            f"Found by [this run]({run}). `make plan` shows the same. Either main is right: then",
            "`make deploy` puts it back. Or what runs is right: then write it into terraform/.",
            "The issue closes itself when nothing differs any more.",
            "",
        ]
    )
    frames = [_shown(look, "", text) for look, text in told]
    left = room - size(head) - sum(size(frame) + 8 for frame in frames)
    parts = [
        _shown(look, cut(text, share), text)
        for (look, text), share in zip(told, shares([size(text) for _, text in told], left), strict=True)
    ]
    return "\n".join([head, *parts])


def _shown(look: Look, body: str, whole: str) -> str:
    return f"#### {inline(look.environment)}: {inline(summary(whole))[:300]}\n\n{fenced(body)}\n"
