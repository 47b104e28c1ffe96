"""Processing job: what was decided on loans, and what has become of them by now.

Performance is of loans whose whole window is over (training/default.py), by month of application: figures of a month
are made when its loans may teach. Of each period the last run counts. Approvals of the newest month are compared with
those of the months before by the same policy; overrides are decisions of the lender that are not the policy's.

What the API has answered is judged and compared in the same way, apart: who asks there are others than those of the
batch. A loan that a run has decided, too, counts once in either, by what was said there. Answers are read here, day
after day, because there may be none, and each is an object of its own: those of OLDEST months, for a window is a year.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from training import performance, rates
from training.credit_set import standings, told_in
from training.default import DEFINITION, Told
from training.drift import put
from training.frames import read_folder
from training.reported import auc_of, name_of, of_figures, of_shares, only

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output")
PARTITION = re.compile(r"period=([^/]+)/started_at=([^/]+)/run=([^/]+)/")
MONTH = re.compile(r"\d{4}-\d\d")
KEPT = ("customer_id", "loan_id", "default_prob", "decision", "policy_sha256", "model")
APPLIED = "applied_at"  # of answers: a run's lines do not say it
ANSWERS = "predictions/loan_answers/"
OLDEST = DEFINITION.months + performance.RECENT + 2  # months before: outcomes of some are told a month or two later
MONTHS_BEFORE, AT_ONCE = 2, 16  # of answers that are compared with those of the newest month; objects read at once
PEOPLE = {"APPROVE": "approved", "DECLINE": "declined"}  # the lender's word for what the policy decided


def main(argv: Sequence[str]) -> None:
    import boto3

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--lake", required=True, help="bucket of the API's answers")
    parser.add_argument("--as-of", required=True, help="instant up to which outcomes are known")
    args = parser.parse_args(argv)
    as_of = pd.Timestamp(args.as_of).tz_convert("UTC")
    decided = newest(lines_in(INPUT / "decisions"))
    features, told = read_folder(INPUT / "features", ("loan_id", "applied_at")), told_in(INPUT / "told")
    answered = newest(answers_in(boto3.client("s3"), args.lake, as_of))
    model, auc = name_of(only(INPUT / "model")), auc_of(only(INPUT / "evaluation"))
    populations = 2 if len(answered) else 1
    found = {
        "problem": "credit",
        "as_of": args.as_of,
        "model": model,
        **judged(decided, features, told, as_of, model, auc, populations),
        **judged_answers(answered, decided, told, as_of, model, auc),
    }
    target = OUTPUT / "performance" / "performance.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1, allow_nan=False))
    moved = moved_in(found["shares"], found["answers"])
    of_both = {**found["shares"], "moved": moved}
    broken = broken_in(found["performance"], found["answered"])
    figures = of_figures({**found["performance"], "broken": broken}, "credit")
    put(args.namespace, [*figures, *of_shares(of_both, "credit")])
    of_api = found["answered"]["matured"] if found["answered"] else 0
    print(
        f"{len(decided)} loans decided, {found['matured']} of them matured; {len(answered)} answered by the API were "
        f"read, {of_api} of them matured; worse than borne: {', '.join(broken) or 'nothing'}; "
        f"moved: {', '.join(moved) or 'nothing'}"
    )


def lines_in(folder: Path) -> Iterable[dict]:
    """Lines of every run, with its period, and when it began."""
    for path in sorted(folder.rglob("*.jsonl")):
        if partition := PARTITION.search(path.relative_to(folder).as_posix()):
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                said = {name: row.get(name) for name in (*KEPT, APPLIED)}
                yield {**said, "period": partition[1], "started_at": partition[2]}


def answers_in(s3: object, lake: str, as_of: pd.Timestamp) -> Iterator[dict]:
    """The API's answers of the month of `as_of`, up to its day, and of OLDEST before, as `lines_in` gives a run's: the
    period is the day of the answer."""
    today = as_of.normalize()
    first = today.replace(day=1) - pd.DateOffset(months=OLDEST)

    def line_of(key: str) -> dict:
        return json.loads(s3.get_object(Bucket=lake, Key=key)["Body"].read())  # type: ignore[attr-defined]

    with ThreadPoolExecutor(AT_ONCE) as readers:
        for day in (f"{at:%Y-%m-%d}" for at in pd.date_range(first, today)):
            pages = s3.get_paginator("list_objects_v2").paginate(  # type: ignore[attr-defined]
                Bucket=lake, Prefix=f"{ANSWERS}day={day}/"
            )
            for row in readers.map(line_of, sorted(one["Key"] for page in pages for one in page.get("Contents", ()))):
                yield {**{n: row.get(n) for n in (*KEPT, APPLIED)}, "period": day, "started_at": day}


def first_compared(as_of: pd.Timestamp) -> pd.Timestamp:
    """The first day of the answers whose shares are compared."""
    return as_of.normalize().replace(day=1) - pd.DateOffset(months=MONTHS_BEFORE)


def judged_answers(
    answered: pd.DataFrame, decided: pd.DataFrame, told: Told, as_of: pd.Timestamp, model: str, auc: float | None
) -> dict:
    """`answers`: shares of the newest months; `answered`: what has become of those that have matured, and how many of
    them a run has decided, too. None of either where there are none. Rows as `newest` gives them."""
    newer = answered[answered["period"] >= f"{first_compared(as_of):%Y-%m-%d}"]
    if answered.empty:
        return {"answers": None, "answered": None}
    applied = answered[["loan_id", APPLIED]].assign(
        **{APPLIED: pd.to_datetime(answered[APPLIED], utc=True, format="ISO8601")}
    )
    found = judged(answered, applied, told, as_of, model, auc, populations=2)
    of_both = answered["loan_id"].isin(decided["loan_id"])
    return {
        "answers": shares(newer, told.by(as_of)) if len(newer) else None,
        "answered": {name: found[name] for name in ("matured", "performance")} | {"in_runs": int(of_both.sum())},
    }


def broken_in(batch: Mapping, api: Mapping | None) -> list[str]:
    """What is worse than borne of either population, the API's by that name."""
    return [*batch["broken"], *(f"api: {name}" for name in (api["performance"]["broken"] if api else ()))]


def moved_in(batch: Mapping, api: Mapping | None) -> list[str]:
    """What has moved of either population, the API's by that name."""
    return [*batch["moved"], *(f"api: {name}" for name in (api["moved"] if api else ()))]


def newest(lines: Iterable[Mapping]) -> pd.DataFrame:
    """Of each loan the decision of the last run, that of its day or of its month."""
    rows = pd.DataFrame(list(lines), columns=[*KEPT, APPLIED, "period", "started_at"])
    return rows.sort_values("started_at", kind="stable").drop_duplicates("loan_id", keep="last", ignore_index=True)


def judged(
    decided: pd.DataFrame,
    features: pd.DataFrame,
    told: Told,
    as_of: pd.Timestamp,
    model: str,
    auc: float | None,
    populations: int = 1,
) -> dict:
    """`decided` as `newest` gives it. The dossier's AUC is asked of months that the model itself has scored."""
    known = standings(features[features["loan_id"].isin(decided["loan_id"])], told, as_of)
    outcome = known.loc[known["labelled"], "state"].eq("bad").astype(int)
    applied = features.drop_duplicates("loan_id").set_index("loan_id")["applied_at"]  # a day's run has late ones, too
    rows = decided[decided["loan_id"].isin(outcome.index) & decided["default_prob"].notna()]
    mature = performance.Rows(
        rows["loan_id"].map(outcome).to_numpy(dtype=int),
        rows["default_prob"].to_numpy(dtype=float),
        rows["customer_id"].to_numpy(dtype=str),
        rows["loan_id"].map(applied).dt.strftime("%Y-%m").to_numpy(dtype=str),
    )
    its_own = auc is not None and len(rows) and bool((rows["model"] == model).all())
    return {
        "matured": len(rows),
        "performance": performance.report(mature, {"auc": auc} if its_own and auc is not None else None, populations),
        "shares": shares(decided, told.by(as_of)),
    }


def shares(decided: pd.DataFrame, told: Told) -> dict:
    """Shares of each decision in the newest month against the months before by the same policy, and of overrides."""
    months = decided.assign(month=decided["period"].str.slice(0, 7))
    last = months["month"].max()
    now = months[months["month"] == last]
    policy = now["policy_sha256"].iloc[-1]
    now, before = (
        now[now["policy_sha256"] == policy],
        months[(months["month"] < last) & (months["policy_sha256"] == policy)],
    )
    found = {
        name: rates.against_before(
            share(now, name), now["customer_id"].nunique(), share(before, name), before["customer_id"].nunique()
        )
        for name in ("APPROVE", "REFER", "DECLINE")
    }
    overridden = overrides(decided, told)
    moved = [name for name, one in found.items() if one.moved] + (["overrides"] if overridden["too_many"] else [])
    return {
        "period": last,
        "policy_sha256": policy,
        **{name: one.document() for name, one in found.items()},
        "overrides": overridden,
        "moved": moved,
    }


def share(rows: pd.DataFrame, decision: str) -> float:
    return float((rows["decision"] == decision).mean()) if len(rows) else 0.0


def overrides(decided: pd.DataFrame, told: Told) -> dict:
    """Of loans on which the lender has told its own decision: the share that it decided otherwise than the policy
    (`high`: lent in spite of DECLINE, `low`: declined in spite of APPROVE), and what it did with those referred."""
    nothing = {"share": 0.0, "n": 0, "high": 0, "low": 0, "referred": 0, "referred_approved": 0, "too_many": False}
    if told.decisions is None:
        return nothing
    latest = told.decisions.sort_values("decided_at", kind="stable").drop_duplicates("loan_id", keep="last")
    said = decided["loan_id"].map(latest.set_index("loan_id")["decision"].str.lower())
    by_policy = decided["decision"].map(PEOPLE)
    both = by_policy.notna() & said.isin(PEOPLE.values())
    high = int((both & (by_policy == "declined") & (said == "approved")).sum())
    low = int((both & (by_policy == "approved") & (said == "declined")).sum())
    referred = (decided["decision"] == "REFER") & said.isin(PEOPLE.values())
    n = int(decided.loc[both, "customer_id"].nunique())
    part = (high + low) / int(both.sum()) if both.any() else 0.0
    return {
        "share": part,
        "n": n,
        "high": high,
        "low": low,
        "referred": int(referred.sum()),
        "referred_approved": int((referred & (said == "approved")).sum()),
        "too_many": rates.too_many(part, n),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
