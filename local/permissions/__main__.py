"""``python -m local.permissions [LEDGER...]``: is every statement of every role needed by a call that was recorded?

Without ledgers: that of the demo, and what the tests of the whole platform have left in build/iam. Writes
build/iam.json; exit code 1 if a statement survives that nobody argues for, 2 if there is nothing to judge.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from local.permissions import proof

DEMO = Path("build/demo/state/permissions.json")
TESTS = Path("build/iam")
REPORT = Path("build/iam.json")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.permissions", description=__doc__.partition("\n")[0])
    parser.add_argument("ledgers", nargs="*", type=Path, metavar="LEDGER")
    files = parser.parse_args().ledgers or _kept()
    if not files:
        print(f"There is neither {DEMO} nor a file in {TESTS}: run make demo or make test first.", file=sys.stderr)
        return 2
    ledgers = {_name(file): json.loads(file.read_text()) for file in files}
    report = proof.proven(ledgers, proof.arguments())
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    print(proof.text(report))
    print(f"Recorded by {', '.join(map(_told, files))}; {REPORT} names a call for each statement.")
    return int(bool(report["survivors"] or report["argued_for_nothing"]))


def _kept() -> list[Path]:
    """The newest first: it says what roles hold now, and an older run proves what of it was the same then."""
    files = [file for file in (DEMO, *TESTS.glob("*.json")) if file.exists()]
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)


def _name(file: Path) -> str:
    return "demo" if file == DEMO else file.stem


def _told(file: Path) -> str:
    """With its age: calls that are no longer made prove nothing."""
    return f"{_name(file)} ({datetime.fromtimestamp(file.stat().st_mtime):%Y-%m-%d %H:%M})"


if __name__ == "__main__":
    sys.exit(main())
