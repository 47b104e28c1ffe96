"""Processing job: the month's loan applications -> CSV for Batch Transform, in the model's column order."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from features.encoding import Encoding
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
    names = list(Encoding.parse(manifest["columns"]).names)
    rows = applications(read_folder(INPUT / "features"))
    rows = rows[rows["at"].dt.strftime("%Y-%m") == args.month].sort_values("identifier")
    if rows.empty:
        raise SystemExit(f"no loan application of {args.month} in GOLD")
    rows = rows.reindex(columns=["customer_id", "identifier", *names])
    target = OUTPUT / "rows" / f"applications-{args.month}.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(rows.astype(object).where(rows.notna(), "").itertuples(index=False, name=None))
    print(f"{len(rows)} applications of {args.month}")


if __name__ == "__main__":
    main(sys.argv[1:])
