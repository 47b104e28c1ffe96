"""Shadow: a candidate scores the payments that were decided lately, beside what the serving model said of them.

The log holds the vector of every decision as it was served, so no traffic is doubled, no payer waits, and the two
scores of a payment are of the very same numbers. As a Processing job it writes `shadow.json`, which the release judges,
and `probes.json`: some of the vectors with the candidate's scores, which the endpoint must answer once it serves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from features.fraud import FRAUD
from inference.model import Model
from training.drift import SCORE, bins_of, psi, shares

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
PROBES = 40
MOST = 50_000  # decisions, the newest: enough for any difference that matters


def compared(live: np.ndarray, candidate: np.ndarray, before: Sequence[float], after: Sequence[float]) -> dict:
    """Of two scores of each payment, both of shape (rows,), and the thresholds (review, block) that judge them.

    Rules are left out: they judge both models' payments alike.
    """
    bins = bins_of(live)
    judged = {
        "approved": (live < before[0], candidate < after[0]),
        "blocked": (live >= before[1], candidate >= after[1]),
    }
    return {
        "rows": len(live),
        "score_psi": psi(bins["shares"], shares(candidate, bins["edges"])),
        "mean": {"live": float(live.mean()), "candidate": float(candidate.mean())},
        "farthest": float(np.abs(candidate - live).max()),
        **{name: paired(was, would) for name, (was, would) in judged.items()},
    }


def paired(was: np.ndarray, would: np.ndarray) -> dict:
    """Shares of what both models do with the same rows, booleans of shape (rows,), and how many only one does it with:
    a share may stand still though each of them means others."""
    return {
        "live": float(was.mean()),
        "candidate": float(would.mean()),
        "only_live": int((was & ~would).sum()),
        "only_candidate": int((would & ~was).sum()),
    }


def applied(lines: Sequence[dict], live: str) -> list[dict]:
    """Decisions by the live model on vectors that this code computes, the last on each payment, the newest first.

    A line may come twice: where the log has but one day, that day is handed over as both of the newest two.
    """
    ordered = sorted(lines, key=lambda d: (d["decided_at"], d["counted_at"], bool(d["overtaken"])))
    last: dict[str, dict] = {}
    for d in reversed(ordered):
        last.setdefault(d["transaction_id"], d)
    found = [
        d
        for d in last.values()
        if d["vector"] is not None
        and d[SCORE] is not None
        and d["model"] == live
        and d["feature_version"] == FRAUD.version
    ]
    return found[:MOST]


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", required=True, help="name of the model that serves")
    parser.add_argument("--live-thresholds", required=True, type=float, nargs=2, metavar=("REVIEW", "BLOCK"))
    parser.add_argument("--thresholds", required=True, type=float, nargs=2, metavar=("REVIEW", "BLOCK"))
    args = parser.parse_args(argv)
    lines = [json.loads(line) for f in sorted((INPUT / "decisions").rglob("*.json")) for line in f.open()]
    decided = applied(lines, args.live)
    target = OUTPUT / "shadow"
    target.mkdir(parents=True, exist_ok=True)
    found: dict = {"rows": 0, "live": args.live}
    probes: list[dict] = []
    if decided:
        with tempfile.TemporaryDirectory() as folder, tarfile.open(INPUT / "model" / "model.tar.gz") as archive:
            archive.extractall(folder, filter="data")
            model = Model(Path(folder))
            rows = model.chosen([d["vector"] for d in decided], FRAUD.version, FRAUD.meanings)
            scores = np.array(model.score(rows))
        live = np.array([d[SCORE] for d in decided])
        found |= {"candidate": model.name, **compared(live, scores, args.live_thresholds, args.thresholds)}
        probes = [
            {"vector": d["vector"], "score": float(score)} for d, score in zip(decided[:PROBES], scores, strict=False)
        ]
    (target / "shadow.json").write_text(json.dumps(found, indent=1, allow_nan=False))
    (target / "probes.json").write_text(json.dumps({"feature_version": FRAUD.version, "rows": probes}, allow_nan=False))
    print(f"{found['rows']} decisions of {args.live} were scored by the candidate, too")


if __name__ == "__main__":
    main(sys.argv[1:])
