"""Drift: population stability index (PSI) of every feature and of the score against the training baseline.

PSI = sum over bins of (actual - expected) ln(actual / expected); below 0.1 stable, above 0.25 shifted (Siddiqi, 2006).
A PSI says nothing of how many rows it rests on: of a hundred rows in ten bins it is 0.25 by chance alone (Yurdakul,
2018). So a column has drifted when its PSI is above the policy's bound and a test of homogeneity says that chance does
not bring such counts about (Pearson, 1900), at a level that is shared by all columns (Bonferroni). Rows of one customer
are no news of each other: what is counted are customers.

As a Processing job it reads a day's decisions, writes `drift.json` and puts the metrics that the alarm watches.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import chi2

from features.fraud import FRAUD

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
BINS = 10
SMALLEST = 1e-4  # an empty bin counts as this share: the logarithm stays finite
SCORE = "fraud_score"
OF_SCORE = "score"  # beside the columns' names; no column of the contract is called so
ROWS_OF_BEFORE = 1000  # that archives rest on which do not say it: a cautious few
PER_CALL = 100
WINDOW = re.compile(r"_(\d+)d(?![a-z0-9])")
BEYOND = 0.25  # PSI, unless the policy says otherwise
LEVEL = 0.001  # of a false alarm in a report, over all of its columns
EXPECTED = 5.0  # counts in a bin, of fewer the test's distribution is another: such bins are one


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


def by_chance(expected: Sequence[float], actual: Sequence[float], learnt: float, seen: float) -> float:
    """How probable counts as different as these are when nothing has changed: shares by bin, and of how many customers
    each are. 1 where a single bin is left."""
    e, a = np.asarray(expected, dtype=float), np.asarray(actual, dtype=float)
    pooled = (e * learnt + a * seen) / (learnt + seen)
    few = pooled * min(learnt, seen) < EXPECTED
    e, a, pooled = (np.append(shares[~few], shares[few].sum()) for shares in (e, a, pooled))
    e, a, pooled = (shares[pooled > 0] for shares in (e, a, pooled))
    if len(pooled) < 2:
        return 1.0
    statistic = learnt * seen / (learnt + seen) * float(np.sum((a - e) ** 2 / pooled))
    return float(chi2.sf(statistic, len(pooled) - 1))


def baseline(names: Sequence[str], matrix: np.ndarray, scores: np.ndarray, unwatched: Sequence[str]) -> dict:
    """What the archive remembers of its rows: bins of every watched column, by position, and of the scores."""
    columns = {
        name: {"position": i, **bins_of(matrix[:, i].astype(np.float64))}
        for i, name in enumerate(names)
        if name not in unwatched
    }
    return {"rows": len(scores), "columns": columns, "score": bins_of(np.asarray(scores, dtype=np.float64))}


def in_vectors(known: dict, names: Sequence[str]) -> dict:
    """The baseline with each column's place in vectors of these columns, of which a model may have learnt fewer: one
    that was the same in every row is none of the model's."""
    places = {name: place for place, name in enumerate(names)}
    columns = {n: {**column, "position": places[n]} for n, column in known["columns"].items() if n in places}
    return {**known, "columns": columns}


def growing(names: Sequence[str], days: int) -> tuple[str, ...]:
    """Columns whose window (`..._90d`) is longer than the history of `days` before the rows that drift is measured
    from: such a window fills for as long as data come, and that is no drift."""
    lengths = {name: [int(found) for found in WINDOW.findall(name)] for name in names}
    return tuple(name for name, found in lengths.items() if found and max(found) > days)


def report(
    known: dict, matrix: np.ndarray, scores: np.ndarray, customers: int | None = None, beyond: float = BEYOND
) -> dict:
    """PSI by feature, and of the score; `matrix` has the model's columns, of shape (rows, columns). `drifted` names
    what chance does not explain and the policy does not bear: columns, and `score`. `customers` are behind the rows."""
    matrix = matrix.astype(np.float32).astype(np.float64)  # as the learner saw it: an edge lies on the very value
    pairs = {
        name: (column["shares"], shares(matrix[:, column["position"]], column["edges"]))
        for name, column in known["columns"].items()
    }
    pairs[OF_SCORE] = known["score"]["shares"], shares(scores, known["score"]["edges"])
    seen = len(scores) if customers is None else customers
    learnt = known.get("rows", ROWS_OF_BEFORE) * seen / max(1, len(scores))  # as many payments for each customer
    found = {name: psi(*pair) for name, pair in pairs.items()}
    chance = {name: by_chance(*pair, learnt, seen) for name, pair in pairs.items()}
    features = {name: found[name] for name in known["columns"]}
    return {
        "rows": len(scores),
        "customers": seen,
        "score": found[OF_SCORE],
        "features": features,
        "worst": max(features, key=features.__getitem__, default=""),
        "by_chance": chance,
        "drifted": [name for name in pairs if found[name] > beyond and chance[name] < LEVEL / len(pairs)],
    }


def measured(found: dict, problem: str) -> list[dict]:
    """Metrics of a report. Those of payments that were there before loans were watched name no problem."""
    of = [] if problem == "fraud" else [{"Name": "problem", "Value": problem}]
    data = [
        {"MetricName": "ScorePSI", "Value": found["score"], "Dimensions": of},
        {"MetricName": "WorstFeaturePSI", "Value": max(found["features"].values(), default=0.0), "Dimensions": of},
        {
            "MetricName": "Drifted",
            "Value": len(found["drifted"]),
            "Dimensions": [{"Name": "problem", "Value": problem}],
        },
    ]
    return data + [
        {"MetricName": "FeaturePSI", "Value": v, "Dimensions": [*of, {"Name": "feature", "Value": n}]}
        for n, v in found["features"].items()
    ]


def put(namespace: str, data: Sequence[dict]) -> None:
    import boto3

    cloudwatch = boto3.client("cloudwatch")
    for start in range(0, len(data), PER_CALL):
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + PER_CALL])


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--beyond", type=float, default=BEYOND, help="PSI that the policy does not bear")
    args = parser.parse_args(argv)
    with tarfile.open(INPUT / "model" / "model.tar.gz") as archive:
        known = json.load(archive.extractfile("baseline.json"))  # type: ignore[arg-type]
    decisions = [json.loads(line) for f in sorted((INPUT / "decisions").rglob("*.json")) for line in f.open()]
    decisions.sort(key=lambda d: (d["decided_at"], d["counted_at"], bool(d["overtaken"])))
    applied = {d["transaction_id"]: d for d in decisions}  # the log may hold several on a payment: the last counts
    scored = [
        d
        for d in applied.values()
        if d["vector"] is not None and d[SCORE] is not None and d["feature_version"] == FRAUD.version
    ]
    if not scored:
        raise SystemExit("no scored decision to compare with the baseline")
    found = report(
        in_vectors(known, FRAUD.columns),
        np.array([d["vector"] for d in scored], dtype=np.float64),
        np.array([d[SCORE] for d in scored], dtype=np.float64),
        len({d["customer_id"] for d in scored}),
        args.beyond,
    )
    target = OUTPUT / "drift" / "drift.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1, allow_nan=False))
    put(args.namespace, measured(found, "fraud"))
    print(
        f"{found['rows']} decisions, PSI of the score {found['score']:.3f}, worst feature {found['worst']}, "
        f"drifted: {', '.join(found['drifted']) or 'nothing'}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
