"""Processing job: the month's loan applications -> CSV for Batch Transform, in the model's column order."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from features.credit import PAYMENT_BEHAVIOUR
from features.encoding import Encoding
from training.columns import contradictions
from training.credit_set import applications
from training.frames import read_folder

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--month", required=True, help="YYYY-MM")
    args = parser.parse_args(argv)
    with tarfile.open(INPUT / "model" / "model.tar.gz") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    encoding = Encoding.parse(manifest["columns"])
    require_meant(manifest.get("fingerprints", {}))
    rows = applications(read_folder(INPUT / "features"))
    rows = rows[rows["at"].dt.strftime("%Y-%m") == args.month].sort_values("identifier")
    if rows.empty:
        raise SystemExit(f"no loan application of {args.month} in GOLD")
    require_there(encoding, rows, args.month)
    for line in contradictions(encoding, rows, f"the applications of {args.month}"):
        print(line)
    target = OUTPUT / "rows" / f"applications-{args.month}.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(lines(rows, encoding))
    print(f"{len(rows)} applications of {args.month}")


def require_meant(fingerprints: Mapping[str, str]) -> None:
    """Raises SystemExit where the model was trained on what this code does not compute, or computes otherwise."""
    now = PAYMENT_BEHAVIOUR.fingerprints
    other = sorted(name for name, meant in fingerprints.items() if now.get(name) != meant)
    if other:
        raise SystemExit(
            f"the model was trained on {', '.join(other)}, which this code does not compute, or computes otherwise: "
            "score with the code of the model's release, or train and approve a model of this one"
        )


def require_there(encoding: Encoding, rows: pd.DataFrame, month: str) -> None:
    """Raises SystemExit where nobody brought a column of the model in that month: missing everywhere is not missing."""
    gone = [name for name in encoding.names if name not in rows or rows[name].isna().all()]
    had = [name for name in gone if name not in PAYMENT_BEHAVIOUR.columns]
    if had:
        raise SystemExit(
            f"no application of {month} has a value of {', '.join(had)}, which the model was trained on: expected the "
            f"columns {', '.join(encoding.names)}; bring the column under its old name, or train without it"
        )


def lines(rows: pd.DataFrame, encoding: Encoding) -> Iterator[list[str]]:
    """Customer, loan, and the cells of the model's columns in the spelling that the server reads as the same.

    Only identifiers go as they came: whatever a cell holds, a loan is one line.
    """
    cells = rows.reindex(columns=list(encoding.names)).astype(object)
    cells = cells.where(cells.notna(), None)
    found = zip(rows["customer_id"], rows["identifier"], cells.itertuples(index=False, name=None), strict=True)
    for customer, loan, row in found:
        yield [customer, loan, *(column.written(cell) for column, cell in zip(encoding.columns, row, strict=True))]


if __name__ == "__main__":
    main(sys.argv[1:])
