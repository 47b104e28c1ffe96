"""Processing job: the loan applications of a month or a day -> CSV for Batch Transform, in the model's column order.

A day has those of the days before that no daily run has scored, too (training.late).
Beside the rows lies which cells were there and could not be read: they are missing to the model, and what decides sends
these loans to a person.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from features.credit import PAYMENT_BEHAVIOUR, otherwise
from features.encoding import Encoding
from training.columns import contradictions
from training.credit_set import applications
from training.frames import read_folder
from training.late import due, scored

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
MONTH, DAY = r"\d{4}-\d{2}", r"\d{4}-\d{2}-\d{2}"
MEMORY = 30  # applications: fewer do not tell whether a column is missing, so those before are looked at, too


def main(argv: Sequence[str]) -> None:
    import boto3

    parser = argparse.ArgumentParser(description=__doc__)
    period = parser.add_mutually_exclusive_group(required=True)
    period.add_argument("--month", help="YYYY-MM")
    period.add_argument("--day", help="YYYY-MM-DD")
    parser.add_argument("--lake", help="with a day: bucket with what daily runs have scored")
    args = parser.parse_args(argv)
    asked = args.month or args.day
    if not re.fullmatch(MONTH if args.month else DAY, asked):
        raise SystemExit(f"expected --month YYYY-MM or --day YYYY-MM-DD, got {asked!r}")
    if args.day and not args.lake:
        raise SystemExit("expected --lake beside --day: the bucket with what daily runs have scored")
    with tarfile.open(INPUT / "model" / "model.tar.gz") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    encoding = Encoding.parse(manifest["columns"])
    require_meant(manifest.get("fingerprints", {}))
    every = applications(read_folder(INPUT / "features")).sort_values(["at", "identifier"])
    rows = own = every[every["at"].dt.strftime("%Y-%m-%d").str.startswith(asked)]
    if args.day:
        day = day_of(asked)
        rows = due(every, day, scored(boto3.client("s3"), args.lake, day))
        own = rows[rows["at"] >= day]
    rows = rows.sort_values("identifier")
    for name in ("rows", "unread"):
        (OUTPUT / name).mkdir(parents=True, exist_ok=True)
    if rows.empty:
        if args.month:
            raise SystemExit(f"no loan application of {asked} in GOLD")
        print(f"no loan application of {asked}, nor a late one: nothing to score")  # a day may have none
        return
    require_there(encoding, seen_by(every, rows if own.empty else own), asked)
    for line in contradictions(encoding, rows, f"the applications of {asked}"):
        print(line)
    put(OUTPUT / "rows" / f"applications-{asked}.csv", lines(rows, encoding))
    put(OUTPUT / "unread" / f"applications-{asked}.csv", unread(rows, encoding))
    late = f", {len(rows) - len(own)} of them late ones of days before" if args.day else ""
    print(f"{len(rows)} applications of {asked}{late}")


def day_of(asked: str) -> pd.Timestamp:
    """Raises SystemExit for a day that no calendar has."""
    try:
        return pd.Timestamp(asked, tz="UTC")
    except ValueError:
        raise SystemExit(f"expected --day YYYY-MM-DD, a day of the calendar, got {asked!r}") from None


def put(target: Path, found: Iterable[Sequence[str]]) -> None:
    with target.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(found)


def seen_by(every: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by which it is told whether a column is there: those asked for, and of the ones before as many as make
    MEMORY. `every` is in the order of application."""
    before = every[every["at"] < rows["at"].min()]
    return pd.concat([before.tail(max(MEMORY - len(rows), 0)), rows])


def require_meant(fingerprints: Mapping[str, str]) -> None:
    """Raises SystemExit for what `not_meant` says."""
    if why := not_meant(fingerprints):
        raise SystemExit(why)


def not_meant(fingerprints: Mapping[str, str]) -> str | None:
    """That the model was trained on what this code does not compute, or computes otherwise; none where it was not."""
    if not (other := otherwise(fingerprints)):
        return None
    return (
        f"the model was trained on {', '.join(other)}, which this code does not compute, or computes otherwise: "
        "score with the code of the model's release, or train and approve a model of this one"
    )


def require_there(encoding: Encoding, rows: pd.DataFrame, period: str) -> None:
    """Raises SystemExit for what `not_there` says."""
    if why := not_there(encoding, rows, period):
        raise SystemExit(why)


def not_there(encoding: Encoding, rows: pd.DataFrame, period: str) -> str | None:
    """That nobody brought a column of the model by then: missing everywhere is not missing. None where all came."""
    gone = [name for name in encoding.names if name not in rows or rows[name].isna().all()]
    had = [name for name in gone if name not in PAYMENT_BEHAVIOUR.columns]
    if not had:
        return None
    return (
        f"no application of {period} has a value of {', '.join(had)}, which the model was trained on: expected the "
        f"columns {', '.join(encoding.names)}; bring the column under its old name, or train without it"
    )


def lines(rows: pd.DataFrame, encoding: Encoding) -> Iterator[list[str]]:
    """Customer, loan, and the cells of the model's columns in the spelling that the server reads as the same.

    Only identifiers go as they came: whatever a cell holds, a loan is one line.
    """
    for customer, loan, row in named(rows, encoding):
        yield [customer, loan, *(column.written(cell) for column, cell in zip(encoding.columns, row, strict=True))]


def unread(rows: pd.DataFrame, encoding: Encoding) -> Iterator[list[str]]:
    """Customer, loan and column of each cell that says something, and nothing that the model could read."""
    for customer, loan, row in named(rows, encoding):
        for column, cell in zip(encoding.columns, row, strict=True):
            if cell is not None and column.unread(cell):
                yield [customer, loan, column.name]


def named(rows: pd.DataFrame, encoding: Encoding) -> Iterator[tuple[str, str, tuple]]:
    """Customer, loan, and the cells of the model's columns, none where there is none."""
    cells = rows.reindex(columns=list(encoding.names)).astype(object)
    cells = cells.where(cells.notna(), None)
    return zip(rows["customer_id"], rows["identifier"], cells.itertuples(index=False, name=None), strict=True)


if __name__ == "__main__":
    main(sys.argv[1:])
