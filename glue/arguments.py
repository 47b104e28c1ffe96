"""Arguments of a Glue job, typed and complete before anything is read."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import date, timedelta

from glue.lake import Lake

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse(argv: Sequence[str], *names: str) -> argparse.Namespace:
    """`--lake`, `--database_prefix` and the job's own names, all required. Glue adds arguments of its own: ignored."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("lake", "database_prefix", *names):
        # `from` is a keyword, so the attribute is `from_`.
        parser.add_argument(f"--{name}", required=True, dest=f"{name}_" if name == "from" else name)
    arguments, _ = parser.parse_known_args(list(argv)[1:])
    arguments.lake = Lake(arguments.lake, arguments.database_prefix)
    return arguments


def days(first: str, last: str) -> list[str]:
    """Every day from first to last, both included, as YYYY-MM-DD."""
    for text in (first, last):
        if not DAY.fullmatch(text):
            raise ValueError(f"expected a day as YYYY-MM-DD, got {text!r}")
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    if end < start:
        raise ValueError(f"--from {first} is after --to {last}")
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def days_before(first: str, count: int) -> str:
    """The day `count` days before."""
    return (date.fromisoformat(first) - timedelta(days=count)).isoformat()
