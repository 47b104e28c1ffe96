"""`make check-data DATA=dir`: what the platform will make of a folder of RAW files. Ends with 1 where it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.raw_data.files import Unusable, names
from tools.raw_data.loaded import Loaded
from tools.raw_data.preview import previews
from tools.telling import Teller

USAGE = "make check-data DATA=<folder with files of the RAW contract>"


def main(argv: list[str]) -> int:
    if len(argv) != 1 or not argv[0]:
        print(f"check-data: expected {USAGE}", file=sys.stderr)
        return 2
    folder, teller = Path(argv[0]), Teller(sys.stderr)
    try:
        with teller.watched("reading"):
            loaded = Loaded(folder, teller.say)
    except Unusable as wrong:
        print(f"check-data: {wrong}", file=sys.stderr)
        return 1
    if not loaded.files:
        print(f"check-data: {folder}: expected files of the RAW contract, found {names(folder)}", file=sys.stderr)
        return 1
    refused = []
    with teller.watched("looking at the columns"):
        for preview in previews(loaded):
            print("\n".join(preview.lines))
            refused += preview.refused
    for reason in refused:
        print(f"REFUSED {reason}")
    print(f"{len(refused)} reasons to refuse" if refused else "the lake takes these files")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
