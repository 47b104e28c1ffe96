"""How an environment stands: runs, models, alarms, freshness, cost, in one table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from tools.cost.estimate import NoPrice, Prices, idle
from tools.cost.planned import held
from tools.operate import keys
from tools.operate.platform import Platform, moment
from tools.releases import PROBLEMS, released

Row = tuple[str, str, str, str]  # what, which, how it stands, since when
FRESH_HOURS = 48  # of measures that are looked at
HEADER: Row = ("what", "which", "stands", "since (UTC)")


def table(platform: Platform, further: Iterable[Row] = ()) -> list[str]:
    """Lines of text, columns aligned; `further` rows at the end."""
    rows: list[Row] = [HEADER, *runs(platform), *models(platform), *endpoint(platform), *waiting(platform)]
    rows += [*freshness(platform), *keys.rows(platform), *alarms(platform), *further]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def runs(platform: Platform) -> Iterator[Row]:
    """The last run of each state machine and of each training pipeline."""
    machines: Any = platform.client("stepfunctions")
    for name, arn in sorted(platform.outputs["state_machines"].items()):
        last = machines.list_executions(stateMachineArn=arn, maxResults=1)["executions"]
        yield ("run", name, last[0]["status"] if last else "never", moment(last[0]["startDate"]) if last else "")
    sagemaker: Any = platform.client("sagemaker")
    for problem in PROBLEMS:
        found = sagemaker.list_pipeline_executions(PipelineName=f"{platform.prefix}-{problem}", MaxResults=1)
        last = found["PipelineExecutionSummaries"]
        yield (
            "training",
            problem,
            last[0]["PipelineExecutionStatus"] if last else "never",
            moment(last[0]["StartTime"]) if last else "",
        )


def models(platform: Platform) -> Iterator[Row]:
    """What is released, by problem, and the newest versions that are registered."""
    dynamodb: Any = platform.client("dynamodb")
    sagemaker: Any = platform.client("sagemaker")
    for problem in PROBLEMS:
        now = released(dynamodb, platform.prefix, problem)
        stands = "" if now.get("promoted", True) else ", which takes its first part of the traffic"
        yield ("released", problem, f"{now['model_name'] or 'none yet'}{stands}", now.get("approved_at") or "")
        if undone := now.get("undone"):
            yield ("rolled back", problem, f"{undone['model_name']}: {undone['why']}", undone["approved_at"])
        listed = sagemaker.list_model_packages(
            ModelPackageGroupName=f"{platform.prefix}-{problem}", SortBy="CreationTime", SortOrder="Descending"
        )["ModelPackageSummaryList"]
        for package in listed[:3]:
            which = f"{problem} version {package['ModelPackageArn'].rpartition('/')[2]}"
            yield ("registered", which, package["ModelApprovalStatus"], moment(package["CreationTime"]))


def endpoint(platform: Platform) -> Iterator[Row]:
    name = platform.outputs["endpoint_name"]
    try:
        found = platform.client("sagemaker").describe_endpoint(EndpointName=name)
    except ClientError as gone:
        if "Could not find" not in str(gone):
            raise
        yield ("endpoint", name, "is gone", "")
        return
    yield (
        "endpoint",
        name,
        f"{found['EndpointStatus']} {found['EndpointConfigName']}",
        moment(found["LastModifiedTime"]),
    )


def waiting(platform: Platform) -> Iterator[Row]:
    """Messages in the queues of what was given up."""
    sqs: Any = platform.client("sqs")
    for url in sqs.list_queues(QueueNamePrefix=f"{platform.prefix}-").get("QueueUrls", []):
        if "-failed" not in url:
            continue
        got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        yield ("given up", url.rpartition("/")[2], f"{got['ApproximateNumberOfMessages']} waiting", "")


def freshness(platform: Platform) -> Iterator[Row]:
    """Hours between the newest record of a feature group and the night that published it."""
    cloudwatch: Any = platform.client("cloudwatch")
    now = datetime.now(UTC)
    metrics = cloudwatch.list_metrics(Namespace=platform.outputs["metric_namespace"], MetricName="FeatureAgeHours")
    for metric in metrics["Metrics"]:
        points = cloudwatch.get_metric_statistics(
            Namespace=metric["Namespace"],
            MetricName=metric["MetricName"],
            Dimensions=metric["Dimensions"],
            StartTime=now - timedelta(hours=FRESH_HOURS),
            EndTime=now,
            Period=3600,
            Statistics=["Maximum"],
        )["Datapoints"]
        if points:
            last = max(points, key=lambda point: point["Timestamp"])
            group = next((d["Value"] for d in metric["Dimensions"]), "")
            yield ("features", group, f"{last['Maximum']:.0f} h old", moment(last["Timestamp"]))


def alarms(platform: Platform) -> Iterator[Row]:
    """Those that ring; one row that says so when none does."""
    cloudwatch: Any = platform.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{platform.prefix}-")
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    ringing = [alarm for alarm in found if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        yield ("alarm", alarm["AlarmName"], alarm["AlarmDescription"], moment(alarm["StateUpdatedTimestamp"]))
    if not ringing:
        yield ("alarms", f"{len(found)}", "none rings", "")


def cost(states: Iterable[dict], prices: Prices) -> Row:
    """What the states hold, idle for a month, by a dated table; what was really billed only the bill says."""
    try:
        dollars = sum(line.dollars for line in idle(held(states), prices))
    except NoPrice as missing:
        return ("cost", "idle, a month", str(missing.args[0]), "")
    return ("cost", "idle, a month", f"about ${dollars:,.2f}", f"prices of {prices.as_of}")
