"""`python -m datasets NAME=... OUT=...` and further options, as `datasets.describe` tells them.

Writes a set in the RAW contract. `python -m datasets.describe` says what each set is and what is made of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from datasets.catalog import OPTIONS, SETS, Unusable
from datasets.progress import Progress


def main(argv: list[str]) -> int:
    given = dict(word.partition("=")[::2] for word in argv)
    unknown = sorted(set(given) - set(OPTIONS))
    if unknown:
        print(f"datasets: expected {'=, '.join(OPTIONS)}=, got {', '.join(unknown)}", file=sys.stderr)
        return 2
    options = {word: value for word, value in given.items() if value}  # make passes what was not given as empty
    name, out = options.pop("NAME", ""), options.pop("OUT", "")
    if name not in SETS or not out:
        print(f"datasets: expected NAME= one of {', '.join(sorted(SETS))} and OUT= a folder", file=sys.stderr)
        return 2
    try:
        rows = SETS[name](options, Path(out), Progress(sys.stderr))
    except Unusable as wrong:
        print(f"datasets: {wrong}", file=sys.stderr)
        return 1
    for entity, count in rows.items():
        print(f"{entity}: {count} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
