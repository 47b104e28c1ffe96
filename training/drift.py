"""Drift: population stability index (PSI) of every feature and of the score against the training baseline.

PSI = sum over bins of (actual - expected) ln(actual / expected); below 0.1 stable, above 0.25 shifted (Siddiqi, 2006).
As a Processing job it reads a day's decisions, writes `drift.json` and puts the metrics that the alarm watches.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
BINS = 10
SMALLEST = 1e-4  # an empty bin counts as this share: the logarithm stays finite
SCORE = "fraud_score"
PER_CALL = 100


def bins_of(values: np.ndarray) -> dict:
    """Quantile edges and shares of a baseline column; missing values are a bin of their own."""
    present = values[~np.isnan(values)]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)[1:-1])) if len(present) else np.array([])
    return {"edges": [float(e) for e in edges], "shares": shares(values, edges)}


def shares(values: np.ndarray, edges: Sequence[float] | np.ndarray) -> list[float]:
    """Share of rows per bin, the missing ones last."""
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(np.asarray(edges), values[~missing], side="left"), minlength=len(edges) + 1)
    return [float(c) / max(1, len(values)) for c in (*counts, missing.sum())]


def psi(expected: Sequence[float], actual: Sequence[float]) -> float:
    e, a = np.maximum(expected, SMALLEST), np.maximum(actual, SMALLEST)
    return float(np.sum((a - e) * np.log(a / e)))


def baseline(names: Sequence[str], matrix: np.ndarray, scores: np.ndarray, unwatched: Sequence[str]) -> dict:
    """What the archive remembers of its rows: bins of every watched column, by position, and of the scores."""
    columns = {
        name: {"position": i, **bins_of(matrix[:, i].astype(np.float64))}
        for i, name in enumerate(names)
        if name not in unwatched
    }
    return {"columns": columns, "score": bins_of(np.asarray(scores, dtype=np.float64))}


def report(known: dict, matrix: np.ndarray, scores: np.ndarray) -> dict:
    """PSI by feature, and of the score; `matrix` has the model's columns, of shape (rows, columns)."""
    matrix = matrix.astype(np.float32).astype(np.float64)  # as the learner saw it: an edge lies on the very value
    features = {
        name: psi(column["shares"], shares(matrix[:, column["position"]], column["edges"]))
        for name, column in known["columns"].items()
    }
    return {
        "rows": len(scores),
        "score": psi(known["score"]["shares"], shares(scores, known["score"]["edges"])),
        "features": features,
        "worst": max(features, key=features.__getitem__),
    }


def main(argv: Sequence[str]) -> None:
    import boto3

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespace", required=True)
    args = parser.parse_args(argv)
    with tarfile.open(INPUT / "model" / "model.tar.gz") as archive:
        known = json.load(archive.extractfile("baseline.json"))  # type: ignore[arg-type]
    decisions = [json.loads(line) for f in sorted((INPUT / "decisions").rglob("*.json")) for line in f.open()]
    decisions.sort(key=lambda d: (d["decided_at"], d["counted_at"], bool(d["overtaken"])))
    applied = {d["transaction_id"]: d for d in decisions}  # the log may hold several on a payment: the last counts
    scored = [d for d in applied.values() if d["vector"] is not None and d[SCORE] is not None]
    if not scored:
        raise SystemExit("no scored decision to compare with the baseline")
    found = report(
        known,
        np.array([d["vector"] for d in scored], dtype=np.float64),
        np.array([d[SCORE] for d in scored], dtype=np.float64),
    )
    target = OUTPUT / "drift" / "drift.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1, allow_nan=False))
    data = [
        {"MetricName": "ScorePSI", "Value": found["score"]},
        {"MetricName": "WorstFeaturePSI", "Value": max(found["features"].values())},
    ]
    data += [
        {"MetricName": "FeaturePSI", "Value": v, "Dimensions": [{"Name": "feature", "Value": n}]}
        for n, v in found["features"].items()
    ]
    cloudwatch = boto3.client("cloudwatch")
    for start in range(0, len(data), PER_CALL):
        cloudwatch.put_metric_data(Namespace=args.namespace, MetricData=data[start : start + PER_CALL])
    print(f"{found['rows']} decisions, PSI of the score {found['score']:.3f}, worst feature {found['worst']}")


if __name__ == "__main__":
    main(sys.argv[1:])
