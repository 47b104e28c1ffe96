"""Processing job: feature rows and labels -> train, validation and test rows, split by time."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from features.declared import LEARNT_FROM, UNDECLARED, Declared, declared_of
from training.columns import FILE, contradictions, require_known
from training.default import Definition
from training.enough import require_columns, require_rows
from training.frames import read_folder, write_frame
from training.fraud_set import NothingToLearn
from training.policy import Costs
from training.problems import PROBLEMS
from training.reject_method import Rejects
from training.rejects import DECLARED, require_declined, until
from training.rejects import FILE as DECLINED

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
STATES = "states.json"  # how many loans were in which state, beside the rows that came of them
SHARES = {"train": 0.70, "validation": 0.15, "test": 0.15}
LEAST_KNOWN, LEAST_KNOWN_OF_A_CLASS = 1000, 50  # rows that a purge leaves


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", choices=sorted(PROBLEMS), required=True)
    parser.add_argument("--as_of", required=True)
    parser.add_argument("--costs", default="{}", help="what thresholds will be solved for, as JSON")
    parser.add_argument("--default", default="{}", help="what differs from the usual definition of default, as JSON")
    parser.add_argument("--rejects", default="none", help="what declined loans teach: none, or parcelling[:uplift]")
    args = parser.parse_args(argv)
    rejects = Rejects.parse(args.rejects)
    definition = Definition.parse(args.default)
    Costs.parse(args.costs)  # a wrong one is told before anything is trained
    declared = declared_in(INPUT / "declared" / "columns.json")
    problem = PROBLEMS[args.problem]

    features = of_version(read_folder(INPUT / "features", problem.reads), problem.feature_version)
    labels, as_of = problem.told(INPUT / "labels"), pd.Timestamp(args.as_of).tz_convert("UTC")
    defined = [definition] if problem.states else []
    states = problem.states(features, labels, as_of, definition) if problem.states else {}
    if states:
        print(", ".join(f"{count} {state}" for state, count in states.items()))
    rows = problem.assemble(features, labels, as_of, *defined)
    if problem.known is None:
        parts = split_by_time(rows, problem.maturity)
    else:
        known = problem.known
        parts, purged = split_as_known(rows, lambda first: known(features, labels, first, *defined))
        for line in purged:
            print(line)
    for name, part in parts.items():
        print(
            f"{name}: {len(part)} rows, {int(part['label'].sum())} positive, {part['at'].min()} to {part['at'].max()}"
        )
    require_rows(parts, problem.rows_are, problem.classes)
    absent = require_known(declared, list(rows.columns))
    decided = problem.decide(parts["train"], declared)
    for line in [*absent, *decided.lines()]:
        print(line)
    require_columns(decided)
    if problem.declined is not None and rejects.method != "none":
        train = parts["train"]
        declined = problem.declined(features, labels, as_of, *defined)
        kept = [c for c in train.columns if c != "label" and c not in decided.protected]
        declined = require_declined(declined, train["at"].max(), kept)
        print(f"{rejects.method}, uplift {rejects.uplift:g}: outcomes of {len(until(declined, train['at'].max()))}")
        write_frame(declined, OUTPUT / "train" / DECLINED)
        write_json(rejects.document(), OUTPUT / "train" / DECLARED)
    for name, part in parts.items():
        # What nobody may train on lies where models are judged, and not where they are trained.
        write_frame(part.drop(columns=decided.protected) if name == "train" else part, OUTPUT / name / "rows.parquet")
        if name != "train":
            for line in contradictions(decided.encoding, part, f"the {name} rows"):
                print(line)
    write_json(decided.encoding.document(), OUTPUT / "train" / "columns.json")
    write_json(decided.document(), OUTPUT / "train" / FILE)
    if states:
        write_json({"as_of": args.as_of, "default": asdict(definition), "loans": states}, OUTPUT / "train" / STATES)


def declared_in(path: Path) -> Declared:
    """What `columns.yaml` says of the columns that a model may learn from, as the lake keeps it. No file says nothing.

    Raises WrongDeclaration.
    """
    told = json.loads(path.read_text()) if path.is_file() else {}
    return declared_of(LEARNT_FROM, told[LEARNT_FROM]) if LEARNT_FROM in told else UNDECLARED


def write_json(document: object, path: Path) -> None:
    """Raises ValueError for NaN and infinity: JSON has neither."""
    path.write_text(json.dumps(document, allow_nan=False))


class OldFeatures(ValueError):
    """GOLD holds vectors of another feature version; the text says of which days."""


def of_version(features: pd.DataFrame, version: str) -> pd.DataFrame:
    """The rows as they are. Raises OldFeatures when some were made by other declarations: they mean something else."""
    old = features[features["feature_version"] != version]
    if len(old):
        at = old["event_time" if "event_time" in old else "applied_at"]
        raise OldFeatures(
            f"{len(old)} of {len(features)} vectors from {at.min():%Y-%m-%d} to {at.max():%Y-%m-%d} have feature "
            f"version {', '.join(sorted(old['feature_version'].unique()))}, this code makes {version}: "
            "run silver_to_gold over those days"
        )
    return features


def split_by_time(rows: pd.DataFrame, maturity: pd.Timedelta) -> dict[str, pd.DataFrame]:
    """Oldest rows train, newest rows test: rows of one instant never fall on both sides.

    No model that stood when validation began could have known the labels of the days just before: rows that had not
    matured by then do not train. Raises NothingToLearn when that leaves none.
    """
    parts, start = {}, 0
    positions = rows["at"]
    for name, share in SHARES.items():
        end = len(rows) if name == "test" else after_ties(positions, min(len(rows), start + round(share * len(rows))))
        parts[name] = rows.iloc[start:end]
        start = end
    if maturity and len(parts["validation"]):
        first = parts["validation"]["at"].iloc[0]
        parts["train"] = parts["train"][parts["train"]["at"] < first - maturity]
        if parts["train"].empty:
            raise NothingToLearn(
                f"no row is {maturity} older than the first that validates, of {first}: bring older rows"
            )
    return parts


def split_as_known(
    rows: pd.DataFrame, known_by: Callable[[pd.Timestamp], pd.Index]
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """As `split_by_time`, and purged: rows validate that could teach when the test rows began, and rows train that
    could when those began that validate. `known_by` gives identifiers of the rows that could teach at an instant.

    Where too few would be left, all earlier rows stay, and the text that comes back says so.
    """
    parts, said = split_by_time(rows, pd.Timedelta(0)), []
    for later, earlier in (("test", ["train", "validation"]), ("validation", ["train"])):
        if parts[later].empty:
            continue
        first, before = parts[later]["at"].iloc[0], pd.concat([parts[name] for name in earlier])
        known = before[before["identifier"].isin(known_by(first))]
        rarer = int(known["label"].value_counts().reindex([0, 1], fill_value=0).min())
        if len(known) < LEAST_KNOWN or rarer < LEAST_KNOWN_OF_A_CLASS:
            said.append(
                f"NOT PURGED before the {later} rows: of {len(before)} earlier rows {len(known)} had a known outcome "
                f"on {first:%Y-%m-%d}, expected {LEAST_KNOWN} with {LEAST_KNOWN_OF_A_CLASS} of either outcome; all of "
                "them are used, and the future may be worse than what is reported: bring a longer history"
            )
            continue
        said.append(f"purged before the {later} rows: {len(before) - len(known)} of {len(before)} earlier rows")
        share = SHARES["train"] / (SHARES["train"] + SHARES["validation"])
        cut = after_ties(known["at"], round(share * len(known))) if later == "test" else len(known)
        parts = {**parts, "train": known.iloc[:cut], **({"validation": known.iloc[cut:]} if later == "test" else {})}
    return parts, said


def after_ties(at: pd.Series, end: int) -> int:
    """The place from `end` on at which no row has the time of the row before it."""
    while 0 < end < len(at) and at.iloc[end] == at.iloc[end - 1]:
        end += 1
    return end


if __name__ == "__main__":
    main(sys.argv[1:])
