"""The runbooks as data: `python -m tools.runbooks index` and `... alarms` print what is made from them.

A runbook begins with its title and with the alarms that call for it. Blocks marked `sh` are commands that a test runs,
one after another; a block begins with what is to be filled in, as `export NAME=example`. Blocks marked `sh aws` want
AWS itself, or an engine for images.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "runbooks"
BLOCK = re.compile(r"^```sh( aws)?\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
FILLED_IN = re.compile(r"^export .*\n", flags=re.MULTILINE)
OPENING = """# Runbooks

For whoever is called. Find the alarm below, open the page, go from top to bottom. `make status ENV=...` says how things
stand, `make errors OF=... ENV=...` why something failed. Commands take what is exported, once: `export ENV=prod`.
Each block of commands is run by `tests/integration/test_runbooks.py`, but for those that want AWS itself.

| runbook | alarms |
|---|---|"""
VALUE = re.compile(r"([A-Z_]+)=('[^']*'|\S+)")


@dataclass(frozen=True)
class Block:
    """`names` are what whoever runs it fills in."""

    names: tuple[str, ...]
    commands: str
    on_aws_only: bool


@dataclass(frozen=True)
class Runbook:
    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0].removeprefix("# ")

    @property
    def said_of_alarms(self) -> str:
        """The paragraph that names the alarms."""
        return self.text.partition("**Alarms:** ")[2].partition("\n\n")[0]

    @property
    def alarms(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.said_of_alarms)

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(
                tuple(name for line in FILLED_IN.findall(body) for name, _ in VALUE.findall(line)),
                FILLED_IN.sub("", body),
                bool(aws),
            )
            for aws, body in BLOCK.findall(self.text)
        ]


def runbooks() -> list[Runbook]:
    return [Runbook(path) for path in sorted(FOLDER.glob("*.md")) if path.name != "README.md"]


def index() -> str:
    rows = [f"| [{book.title}]({book.path.name}) | {flat(book.said_of_alarms)} |" for book in runbooks()]
    return "\n".join([OPENING, *rows, ""])


def flat(text: str) -> str:
    return " ".join(text.split())


def of_alarms() -> dict[str, str]:
    """Runbook by alarm."""
    return {alarm: book.name for book in runbooks() for alarm in book.alarms}


def main(what: str = "") -> None:
    if what == "index":
        print(index(), end="")
    elif what == "alarms":
        print(json.dumps(of_alarms(), indent=2, sort_keys=True))
    else:
        raise SystemExit(f"expected index or alarms, got {what!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
