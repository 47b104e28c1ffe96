"""Shadow of a credit candidate: it decides on loans that were decided lately, beside what the live model says of them.

The candidate may use other columns than the live model, of which alone a run keeps the cells. So the rows are made
anew from GOLD for each of both, as the batch makes them (training.score_set). Of what the live model has decided those
count whose cells have the hash that the decision bears: then the row is the one that was decided on. Both models decide
by the policy that is live now. As a Processing job it writes `shadow.json`, which the release judges, and
`probes.json`: some of the candidate's rows with its scores, which the endpoint must answer once it serves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from features.encoding import Encoding
from lending.deciding import Decided, Loan, WrongRun, decide, vector_sha256
from lending.opened import Opened, opened
from lending.policy import InvalidPolicy, Policy
from training.credit_set import applications
from training.decide_loans import only, policy_in
from training.drift import bins_of, psi, shares
from training.frames import read_folder
from training.judge_loans import PARTITION
from training.score_set import named, not_meant, not_there, seen_by
from training.shadow import paired

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
PROBES = 40
MOST = 20_000  # loans, of the newest runs: enough for any difference that matters
JUDGED = {"approved": "APPROVE", "referred": "REFER", "declined": "DECLINE"}


@dataclass(frozen=True)
class Line:
    """What a run says of one loan: who decided, and the hash of the cells that it was decided by."""

    loan_id: str
    started_at: str
    model: str
    vector: str


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", required=True, help="SHA-256 of the policy that decides")
    args = parser.parse_args(argv)
    try:
        policy = policy_in(only(INPUT / "policy"), args.policy)
        with opened(only(INPUT / "live")) as live, opened(only(INPUT / "candidate")) as candidate:
            lines, features = lines_in(INPUT / "decisions"), read_folder(INPUT / "features")
            found, probes = shadowed(Opened(live), Opened(candidate), policy, lines, features)
    except (InvalidPolicy, WrongRun) as wrong:
        raise SystemExit(f"nothing is compared: {wrong}") from None
    target = OUTPUT / "shadow"
    target.mkdir(parents=True, exist_ok=True)
    (target / "shadow.json").write_text(json.dumps(found, indent=1, allow_nan=False))
    (target / "probes.json").write_text(json.dumps(probes, allow_nan=False))
    print(f"{found['rows']} loans of {found['live']} were decided by the candidate, too; left out: {found['left_out']}")


def lines_in(folder: Path) -> Iterable[Line]:
    """Of every run that lies there, as `predictions/credit_decisions/` has them."""
    for path in sorted(folder.rglob("*.jsonl")):
        if partition := PARTITION.search(path.relative_to(folder).as_posix()):
            for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                try:
                    row = json.loads(text)
                    yield Line(row["loan_id"], partition[2], row["model"], row["vector_sha256"])
                except (ValueError, KeyError, TypeError) as damaged:
                    where = f"{path.relative_to(folder).as_posix()}, line {number}"
                    raise WrongRun(
                        f"{where}: expected a decision with loan_id, model and vector_sha256, got what gives "
                        f"{type(damaged).__name__}: {damaged}; take the run away, or write it again"
                    ) from None


def newest(lines: Iterable[Line]) -> dict[str, Line]:
    """By loan the last decision on it; at most MOST, of the newest runs."""
    last: dict[str, Line] = {}
    for line in sorted(lines, key=lambda each: each.started_at, reverse=True):
        last.setdefault(line.loan_id, line)
    return dict(islice(last.items(), MOST))


def is_as_decided(line: Line, loan: Loan, live: str) -> bool:
    """Whether the row is the one that was decided on. What another model than the live one has decided by may have had
    other columns: then the row as it is now does for both."""
    return line.model != live or vector_sha256(loan.cells) == line.vector


def loans_in(rows: pd.DataFrame, encoding: Encoding) -> list[Loan]:
    """Applications as Batch Transform is handed them, and what of them could not be read."""
    found = []
    for customer, loan, row in named(rows, encoding):
        cells = list(zip(encoding.columns, row, strict=True))
        unread = tuple(column.name for column, cell in cells if cell is not None and column.unread(cell))
        found.append(Loan(customer, loan, tuple(column.written(cell) for column, cell in cells), unread=unread))
    return found


def shadowed(
    live: Opened, candidate: Opened, policy: Policy, lines: Iterable[Line], features: pd.DataFrame
) -> tuple[dict, dict]:
    """The report and the probes. `features` are GOLD's rows of loans, of any time.

    `unfit` in the report says why the candidate could decide nothing at all. Raises WrongRun.
    """
    decided = newest(lines)
    every = applications(features).sort_values(["at", "identifier"])
    rows = every[every["identifier"].isin(decided)].drop_duplicates("identifier", keep="last")
    was = loans_in(rows, live.encoding)
    same = np.array([is_as_decided(decided[loan.loan_id], loan, live.name) for loan in was], dtype=bool)
    left_out = {"gone": len(decided) - len(rows), "changed": int((~same).sum())}
    found: dict = {
        "rows": 0,
        "live": live.name,
        "candidate": candidate.name,
        "policy": policy.version,
        "left_out": left_out,
        "unfit": unfit(candidate, policy, seen_by(every, rows if len(rows) else every.tail(1))),
    }
    probes: dict = {"model": candidate.name, "feature_version": candidate.feature_version, "rows": []}
    if found["unfit"] or not same.any():
        return found, probes
    try:
        decide(live, policy, [])
    except InvalidPolicy as wrong:
        return {**found, "why": f"the policy that is live does not fit the live model: {wrong}"}, probes
    by_live = decide(live, policy, [loan for loan, kept in zip(was, same, strict=True) if kept])
    would = loans_in(rows[same], candidate.encoding)
    by_candidate = decide(candidate, policy, would)
    probes["rows"] = [
        {"cells": loan.cells, "score": one.default_prob}
        for loan, one in zip(would[:PROBES], by_candidate, strict=False)
    ]
    return {**found, **compared(by_live, by_candidate)}, probes


def unfit(candidate: Opened, policy: Policy, rows: pd.DataFrame) -> str | None:
    """Why a run of the candidate would fail, or a decision by it: none where nothing speaks against it."""
    fingerprints: Mapping[str, str] = candidate.manifest.get("fingerprints", {})
    why = not_meant(fingerprints) or not_there(candidate.encoding, rows, "the runs that were decided lately")
    if why is not None:
        return why
    try:
        decide(candidate, policy, [])
    except (InvalidPolicy, WrongRun) as wrong:
        return f"the policy that is live does not fit it: {wrong}"
    return None


def compared(live: Sequence[Decided], candidate: Sequence[Decided]) -> dict:
    """Of two decisions on each loan, in one order."""
    was, would = (np.array([one.decision for one in by]) for by in (live, candidate))
    found = {"rows": len(live), **{n: paired(was == d, would == d) for n, d in JUDGED.items()}}
    said = [(one.default_prob, other.default_prob) for one, other in zip(live, candidate, strict=True)]
    both = [(one, other) for one, other in said if one is not None and other is not None]
    if not both:
        return {**found, "score_psi": None, "rank_correlation": None}
    before, after = (np.array(scores, dtype=np.float64) for scores in zip(*both, strict=True))
    bins = bins_of(before)
    return {
        **found,
        "score_psi": psi(bins["shares"], shares(after, bins["edges"])),
        "mean": {"live": float(before.mean()), "candidate": float(after.mean())},
        "farthest": float(np.abs(after - before).max()),
        "rank_correlation": rank_correlation(before, after),
    }


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's, of two scores of each loan, of shape (rows,). None where the first says the same of all, and 0 where
    the second does: it ranks nothing that the first ranks."""
    if np.ptp(one) == 0:
        return None
    if np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(pd.Series(one).rank(), pd.Series(other).rank())[0, 1])


if __name__ == "__main__":
    main(sys.argv[1:])
