"""Arguments of a Glue job, typed and complete before anything is read."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import date, timedelta

from glue.lake import PLAIN, Lake

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse(
    argv: Sequence[str], *names: str, either: Sequence[Sequence[str]] = (), optional: Sequence[str] = ()
) -> argparse.Namespace:
    """`--lake`, `--database_prefix` and the job's own names, all required but for those that are `optional`: none where
    they are not given. Glue adds arguments of its own: ignored.

    `either` lists groups of names of which exactly one group is given, whole; the others are none.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    required = ("lake", "database_prefix", *names)
    for name in (*required, *optional, *(name for group in either for name in group)):
        # `from` is a keyword, so the attribute is `from_`.
        parser.add_argument(f"--{name}", required=name in required, dest=attribute(name))
    arguments, _ = parser.parse_known_args(list(argv)[1:])
    given = [group for group in either if any(getattr(arguments, attribute(name)) for name in group)]
    if either and (len(given) != 1 or not all(getattr(arguments, attribute(name)) for name in given[0])):
        parser.error(f"give either {' or '.join(' and '.join(f'--{name}' for name in group) for group in either)}")
    batch = getattr(arguments, "batch", None)
    if batch is not None and not PLAIN.fullmatch(batch):
        parser.error(f"--batch: expected letters, digits, `.`, `_` and `-`, as in batch=<id> below raw/, got {batch!r}")
    arguments.lake = Lake(arguments.lake, arguments.database_prefix)
    return arguments


def attribute(name: str) -> str:
    return f"{name}_" if name == "from" else name


def days(first: str, last: str) -> list[str]:
    """Every day from first to last, both included, as YYYY-MM-DD."""
    for text in (first, last):
        if not DAY.fullmatch(text):
            raise ValueError(f"expected a day as YYYY-MM-DD, got {text!r}")
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    if end < start:
        raise ValueError(f"--from {first} is after --to {last}")
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def month_end(day: str) -> str:
    """The last day of a day's month."""
    start = date.fromisoformat(f"{day[:7]}-01")
    return ((start + timedelta(days=31)).replace(day=1) - timedelta(days=1)).isoformat()


def days_before(first: str, count: int) -> str:
    """The day `count` days before."""
    return (date.fromisoformat(first) - timedelta(days=count)).isoformat()
