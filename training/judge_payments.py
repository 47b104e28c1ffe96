"""Processing job: what was decided on payments of the last weeks, and what has become of them by now.

Performance is of payments that are older than a label takes (fraud_set.MATURITY), by week from Monday on. A payment
that nobody has reported by then is honest; a blocked one is known by its label alone. Approvals of the newest day are
compared with those of the days before by the same policy. Overrides are payments in review that people called honest,
beside how many the score had expected to be.

Reads the log's days itself, one after the other: they are many, some are empty, and little of a line is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from training import performance, rates
from training.drift import SCORE, put
from training.frames import read_folder
from training.fraud_set import MATURITY
from training.reported import auc_of, name_of, of_figures, of_shares, only

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
LATEST = pd.Timedelta(days=35)  # of the log: five weeks, of which the last may not have matured
KEPT = ("transaction_id", "customer_id", "event_time", SCORE, "action", "policy_version", "model")
LABELS = ("transaction_id", "is_fraud", "reported_at")
ACTIONS = ("APPROVE", "REVIEW", "BLOCK")


def main(argv: Sequence[str]) -> None:
    import boto3

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--lake", required=True, help="bucket of the log")
    parser.add_argument("--day", required=True, help="the last day, YYYY-MM-DD")
    args = parser.parse_args(argv)
    last = pd.Timestamp(args.day, tz="UTC")
    rows = applied(logged(boto3.client("s3"), args.lake, pd.date_range(last - LATEST, last)))
    labels = read_folder(INPUT / "labels", LABELS)
    model = name_of(only(INPUT / "model"))
    found = {
        "problem": "fraud",
        "as_of": args.day,
        "model": model,
        **judged(rows, labels, last + pd.Timedelta(days=1), model, auc_of(only(INPUT / "evaluation"))),
    }
    target = OUTPUT / "performance" / "performance.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1, allow_nan=False))
    put(args.namespace, [*of_figures(found["performance"], "fraud"), *of_shares(found["shares"], "fraud")])
    print(
        f"{len(rows)} payments decided, {found['matured']} of them matured; worse than borne: "
        f"{', '.join(found['performance']['broken']) or 'nothing'}; "
        f"moved: {', '.join(found['shares']['moved']) or 'nothing'}"
    )


def logged(s3: object, lake: str, days: Iterable[pd.Timestamp]) -> Iterator[dict]:
    """What is kept of each line of the log of these days."""
    for day in days:
        prefix = f"decisions/decision_date={day:%Y-%m-%d}/"
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=lake, Prefix=prefix)  # type: ignore[attr-defined]
        for key in sorted(one["Key"] for page in pages for one in page.get("Contents", ())):
            body = s3.get_object(Bucket=lake, Key=key)["Body"]  # type: ignore[attr-defined]
            for line in body.iter_lines():
                row = json.loads(line)
                told = {name: row.get(name) for name in KEPT}
                yield {**told, "order": (row["decided_at"], row["counted_at"], bool(row["overtaken"]))}


def applied(lines: Iterable[dict]) -> pd.DataFrame:
    """Of each payment the decision that counts: the log may hold several, the last counts."""
    last: dict[str, dict] = {}
    for line in sorted(lines, key=lambda line: line["order"]):
        last[line["transaction_id"]] = line
    rows = pd.DataFrame(list(last.values()), columns=list(KEPT))
    return rows.assign(event_time=pd.to_datetime(rows["event_time"], utc=True, format="ISO8601"))


def judged(rows: pd.DataFrame, labels: pd.DataFrame, as_of: pd.Timestamp, model: str, auc: float | None) -> dict:
    """`rows` as `applied` gives them; `labels` as SILVER has them. What was reported after `as_of` is not known."""
    reported = labels[labels["reported_at"] <= as_of].sort_values("reported_at", kind="stable")
    fraud = reported.drop_duplicates("transaction_id", keep="last").set_index("transaction_id")["is_fraud"]
    rows = rows.assign(label=pd.to_numeric(rows["transaction_id"].map(fraud)))
    old = rows[(rows["event_time"] < as_of - MATURITY) & ((rows["action"] != "BLOCK") | rows["label"].notna())]
    scored = old[old[SCORE].notna()]
    week = scored["event_time"].dt.tz_localize(None).dt.to_period("W-SUN").dt.start_time.dt.strftime("%Y-%m-%d")
    mature = performance.Rows(
        scored["label"].fillna(0).to_numpy(dtype=int),
        scored[SCORE].to_numpy(dtype=float),
        scored["customer_id"].to_numpy(dtype=str),
        week.to_numpy(dtype=str),
    )
    its_own = auc is not None and len(scored) and bool((scored["model"] == model).all())
    return {
        "matured": len(scored),
        "performance": performance.report(mature, {"auc": auc} if its_own and auc is not None else None),
        "shares": shares(rows, as_of),
    }


def shares(rows: pd.DataFrame, as_of: pd.Timestamp) -> dict:
    """Shares of each action on the newest day against the days before by the same policy, and of overrides."""
    today = rows["event_time"] >= as_of - pd.Timedelta(days=1)
    now = rows[today]
    policy = now["policy_version"].iloc[-1] if len(now) else None
    now, before = now[now["policy_version"] == policy], rows[~today & (rows["policy_version"] == policy)]
    found = {
        name: rates.against_before(
            share(now, name), now["customer_id"].nunique(), share(before, name), before["customer_id"].nunique()
        )
        for name in ACTIONS
    }
    overridden = overrides(rows, as_of)
    moved = [name for name, one in found.items() if one.moved] + (["overrides"] if overridden["moved"] else [])
    return {
        "policy_version": policy,
        **{name: one.document() for name, one in found.items()},
        "overrides": overridden,
        "moved": moved,
    }


def share(rows: pd.DataFrame, action: str) -> float:
    return float((rows["action"] == action).mean()) if len(rows) else 0.0


def overrides(rows: pd.DataFrame, as_of: pd.Timestamp) -> dict:
    """Of payments in review that people have told of: the share that was honest, of the last week against before."""
    told = rows[(rows["action"] == "REVIEW") & rows["label"].notna() & rows[SCORE].notna()]
    late = told["event_time"] >= as_of - pd.Timedelta(days=7)
    now, before = told[late], told[~late]
    found = rates.against_before(
        honest(now), now["customer_id"].nunique(), honest(before), before["customer_id"].nunique()
    )
    expected = float(1 - now[SCORE].mean()) if len(now) else None
    return {**found.document(), "expected_by_score": expected}


def honest(rows: pd.DataFrame) -> float:
    return float((rows["label"] == 0).mean()) if len(rows) else 0.0


if __name__ == "__main__":
    main(sys.argv[1:])
