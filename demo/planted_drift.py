"""A planted drift: a day of decisions on payments whose amounts come in another unit, as when a source changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta

from features.fraud import FRAUD
from tools.operate.platform import Platform, StepFailed, wait

MOST = 2000
TIMES = 100.0  # cents instead of units


def shifted(log: Sequence[dict]) -> list[dict]:
    """Decisions that were scored, with every amount in their vectors a hundredfold; the scores are as they were."""
    places = [place for place, name in enumerate(FRAUD.columns) if "amount" in name or "_sum_" in name]
    found = []
    for decision in [d for d in log if d["vector"] is not None and d["fraud_score"] is not None][:MOST]:
        vector = list(decision["vector"])
        for place in places:
            vector[place] = None if vector[place] is None else TIMES * vector[place]
        found.append({**decision, "vector": vector})
    return found


def plant(platform: Platform, day: date, log: Sequence[dict]) -> dict:
    """What became of it: whether the alarm rang, and whether a training has begun that nobody asked for, which is
    stopped again. The decisions lie below a day that has none, and are taken away."""
    planted = day + timedelta(days=400)
    key = f"decisions/decision_date={planted}/planted.json"
    s3 = platform.client("s3")
    s3.put_object(Bucket=platform.lake, Key=key, Body="".join(json.dumps(d) + "\n" for d in shifted(log)).encode())
    try:
        platform.run_machine("drift", {"day": str(planted), "as_of": f"{planted + timedelta(days=1)}T00:00:00Z"})
        report = platform.json(f"monitoring/drift/{planted}/drift.json")
        ring = rings(platform)
        training = training_begun(platform) if ring else None
    finally:
        s3.delete_object(Bucket=platform.lake, Key=key)
    return {
        "rows": report["rows"],
        "drifted": len(report["drifted"]),
        "worst": report["worst"],
        "alarm": ring,
        "retrained": training is not None,
    }


def rings(platform: Platform) -> bool:
    name = f"{platform.prefix}-drift"
    alarms = platform.client("cloudwatch")
    try:
        wait(
            lambda: alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"][0],
            lambda alarm: alarm["StateValue"] == "ALARM",
            hours=0.02,
            what=name,
        )
    except StepFailed:
        return False
    return True


def training_begun(platform: Platform) -> str | None:
    """The run that the drift has started; it is stopped, for its model would be approved by nobody here."""
    sagemaker = platform.client("sagemaker")

    def begun() -> dict:
        found = sagemaker.list_pipeline_executions(
            PipelineName=f"{platform.prefix}-fraud", SortBy="CreationTime", SortOrder="Descending"
        )["PipelineExecutionSummaries"]
        return next((run for run in found if "drifted" in run.get("PipelineExecutionDescription", "")), {})

    try:
        run = wait(begun, bool, hours=0.02, what="a training after the drift")["PipelineExecutionArn"]
    except StepFailed:
        return None
    token = "stopped-by-the-demo-once-it-had-begun"
    with suppress(sagemaker.exceptions.ConflictException):  # it has ended meanwhile
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=run, ClientRequestToken=token)
    return run
