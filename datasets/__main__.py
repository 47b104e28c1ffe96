"""`python -m datasets NAME=... OUT=... [SOURCE=...] [SIZE=...] [SEED=...] [START=...]`: a set in the RAW contract."""

from __future__ import annotations

import sys
from pathlib import Path

from datasets.catalog import SETS, Unusable


def main(argv: list[str]) -> int:
    given = dict(word.split("=", 1) for word in argv if "=" in word and word.split("=", 1)[1])
    name, out = given.pop("NAME", ""), given.pop("OUT", "")
    if name not in SETS or not out:
        print(f"datasets: expected NAME= one of {', '.join(sorted(SETS))} and OUT= a folder", file=sys.stderr)
        return 2
    try:
        rows = SETS[name](given, Path(out))
    except Unusable as wrong:
        print(f"datasets: {wrong}", file=sys.stderr)
        return 1
    for entity, count in rows.items():
        print(f"{entity}: {count} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
