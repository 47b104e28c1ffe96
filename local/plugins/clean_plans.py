"""What is sent comes back, so that a second ``terraform plan`` is empty.

Alarms in full over the Query protocol; execution property, tags and predicates of Glue; shard-level metrics and tags of
Kinesis; tracing of state machines.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from ministack.core.responses import json_response
from ministack.services import cloudwatch, glue, kinesis, stepfunctions

from local.plugins import glue_arguments, query_protocol
from local.settings import Settings

HOOKS = {
    "ministack.services.cloudwatch._alarms": None,
    "ministack.services.cloudwatch._describe_alarms": "(params, cbor_data, is_cbor, is_json=False)",
    "ministack.services.cloudwatch._error": "(code, message, status, use_json=False, use_cbor=False)",
    "ministack.services.cloudwatch._put_composite_alarm": "(params, cbor_data, is_cbor, is_json=False)",
    "ministack.services.cloudwatch._put_metric_alarm": "(params, cbor_data, is_cbor, is_json=False)",
    "ministack.services.cloudwatch._xml": "(status, root_tag, inner)",
    "ministack.services.glue._arn": "(resource_type, name)",
    "ministack.services.glue._create_crawler": "(data)",
    "ministack.services.glue._create_job": "(data)",
    "ministack.services.glue._create_trigger": "(data)",
    "ministack.services.glue._delete_connection": "(data)",
    "ministack.services.glue._delete_crawler": "(data)",
    "ministack.services.glue._delete_job": "(data)",
    "ministack.services.glue._get_job": "(data)",
    "ministack.services.glue._get_jobs": "(data)",
    "ministack.services.glue._get_trigger": "(data)",
    "ministack.services.glue._tags": None,
    "ministack.services.glue._update_job": "(data)",
    "ministack.services.kinesis._create_stream": "(data)",
    "ministack.services.kinesis._describe_stream_summary": "(data)",
    "ministack.services.kinesis._stream_desc": "(stream, shard_ids=None)",
    "ministack.services.stepfunctions._create_state_machine": "(data)",
    "ministack.services.stepfunctions._describe_state_machine": "(data)",
    "ministack.services.stepfunctions._update_state_machine": "(data)",
}

# What MiniStack's JSON alarm leaves out of the request.
ALARM_MEMBERS = ("Metrics", "ThresholdMetricId", "EvaluateLowSampleCountPercentile")
COMPOSITE_MEMBERS = ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
JOB_MEMBERS = (
    "ExecutionClass",
    "ExecutionProperty",
    "JobMode",
    "JobRunQueuingEnabled",
    "LogUri",
    "MaintenanceWindow",
    "NotificationProperty",
    "SourceControlDetails",
)


def install(settings: Settings) -> None:
    cloudwatch._put_metric_alarm = _over_query("PutMetricAlarm", _keeping_metrics(cloudwatch._put_metric_alarm))
    cloudwatch._put_composite_alarm = _over_query("PutCompositeAlarm", cloudwatch._put_composite_alarm)
    cloudwatch._describe_alarms = _over_query("DescribeAlarms", cloudwatch._describe_alarms)
    glue._create_job = _creating_job(glue._create_job)
    glue._update_job = _updating_job(glue._update_job)
    glue._get_job = _without_empty(glue._get_job)
    glue._get_jobs = _without_empty(glue._get_jobs)
    glue._create_crawler = _creating_crawler(glue._create_crawler)
    for kind, named in (("connection", "ConnectionName"), ("crawler", "Name"), ("job", "JobName")):
        delete = f"_delete_{kind}"
        setattr(glue, delete, _forgetting_tags(getattr(glue, delete), kind, named))
    glue._get_trigger = _without_empty(glue._get_trigger)
    kinesis._create_stream = _creating_stream(kinesis._create_stream)
    kinesis._stream_desc = _with_metrics(kinesis._stream_desc)
    kinesis._describe_stream_summary = _summary_with_metrics(kinesis._describe_stream_summary)
    stepfunctions._create_state_machine = _tracing(stepfunctions._create_state_machine, "create")
    stepfunctions._update_state_machine = _tracing(stepfunctions._update_state_machine, "update")
    stepfunctions._describe_state_machine = _described_tracing(stepfunctions._describe_state_machine)


def _over_query(action: str, handle: Any) -> Any:
    """Answer a Query request as the JSON one."""

    def handle_both(params: dict, cbor_data: dict, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return handle(params, cbor_data, is_cbor, is_json)
        operation = query_protocol.model("cloudwatch").operation_model(action)
        status, _, body = handle({}, query_protocol.read(operation.input_shape, params), False, True)
        answer = json.loads(body or b"{}")
        if status >= 300:
            return cloudwatch._error(answer.get("__type", "InternalFailure"), answer.get("message", ""), status)
        inner = ""
        if operation.output_shape is not None:
            inner = f"<{action}Result>{query_protocol.write(operation.output_shape, answer)}</{action}Result>"
        return cloudwatch._xml(200, f"{action}Response", inner)

    return handle_both


def _keeping_metrics(put: Any) -> Any:
    def put_metric_alarm(params: dict, data: dict, is_cbor: bool, is_json: bool = False) -> Any:
        answer = put(params, data, is_cbor, is_json)
        alarm = cloudwatch._alarms.get(data.get("AlarmName", ""))
        if answer[0] < 300 and alarm is not None:
            alarm.update({name: data[name] for name in ALARM_MEMBERS if name in data})
            if "Metrics" in data:
                # An alarm on an expression has no metric, statistic or period of its own.
                for name in ("Statistic", "Period", "MetricName", "Namespace", "Dimensions"):
                    alarm.pop(name, None)
            if data.get("ExtendedStatistic"):
                alarm.pop("Statistic", None)
        return answer

    return put_metric_alarm


def _creating_job(create: Any) -> Any:
    def create_job(data: dict) -> Any:
        answer = create(data)
        if answer[0] < 300:
            job = glue._jobs[data["Name"]]
            job.update({name: data[name] for name in JOB_MEMBERS if name in data})
            job.setdefault("ExecutionProperty", {"MaxConcurrentRuns": 1})
            job["GlueVersion"] = data.get("GlueVersion") or glue_arguments.VERSION
            glue._tags[glue._arn("job", data["Name"])] = dict(job.pop("Tags", None) or {})
        return answer

    return create_job


def _forgetting_tags(delete: Any, kind: str, named: str) -> Any:
    """What is gone has no tags: GetResources would find it by them."""

    def delete_with_tags(data: dict) -> Any:
        answer = delete(data)
        if answer[0] < 300:
            glue._tags.pop(glue._arn(kind, data.get(named)), None)
        return answer

    return delete_with_tags


def _updating_job(update: Any) -> Any:
    def update_job(data: dict) -> Any:
        answer = update(data)
        if answer[0] < 300:
            sent = data.get("JobUpdate") or {}
            glue._jobs[data["JobName"]].update({name: sent[name] for name in JOB_MEMBERS if name in sent})
        return answer

    return update_job


def _creating_crawler(create: Any) -> Any:
    def create_crawler(data: dict) -> Any:
        answer = create(data)
        if answer[0] < 300:
            crawler = glue._crawlers[data["Name"]]
            crawler["LineageConfiguration"] = crawler.get("LineageConfiguration") or {
                "CrawlerLineageSettings": "DISABLE"
            }
            crawler["RecrawlPolicy"] = crawler.get("RecrawlPolicy") or {"RecrawlBehavior": "CRAWL_EVERYTHING"}
            glue._tags[glue._arn("crawler", data["Name"])] = dict(data.get("Tags") or {})
        return answer

    return create_crawler


def _without_empty(get: Any) -> Any:
    """Leave out what was never set: an empty predicate is a difference to Terraform, an absent one is not."""

    def get_without_empty(data: dict) -> Any:
        status, headers, body = get(data)
        if status >= 300:
            return status, headers, body
        answer = json.loads(body)
        for holder in [
            *answer.values(),
            *(item for value in answer.values() if isinstance(value, list) for item in value),
        ]:
            if isinstance(holder, dict):
                for name in [name for name, value in holder.items() if value in ({}, "", None)]:
                    del holder[name]
        return json_response(answer)

    return get_without_empty


def _creating_stream(create: Any) -> Any:
    def create_stream(data: dict) -> Any:
        answer = create(data)
        if answer[0] < 300:
            kinesis._streams[data["StreamName"]]["tags"].update(data.get("Tags") or {})
        return answer

    return create_stream


def _with_metrics(describe: Any) -> Any:
    def stream_desc(stream: dict, shard_ids: Any = None) -> dict:
        found = describe(stream, shard_ids)
        found["EnhancedMonitoring"] = [{"ShardLevelMetrics": sorted(stream.get("ShardLevelMetrics", []))}]
        return found

    return stream_desc


def _summary_with_metrics(describe: Any) -> Any:
    def describe_stream_summary(data: dict) -> Any:
        status, headers, body = describe(data)
        if status >= 300:
            return status, headers, body
        answer = json.loads(body)
        summary = answer["StreamDescriptionSummary"]
        stream = kinesis._streams[summary["StreamName"]]
        summary["EnhancedMonitoring"] = [{"ShardLevelMetrics": sorted(stream.get("ShardLevelMetrics", []))}]
        return json_response(answer)

    return describe_stream_summary


def _tracing(change: Any, kind: str) -> Any:
    def change_state_machine(data: dict) -> Any:
        answer = change(data)
        if answer[0] < 300 and "tracingConfiguration" in data:
            arn = data["stateMachineArn"] if kind == "update" else json.loads(answer[2])["stateMachineArn"]
            stepfunctions._state_machines[arn]["tracingConfiguration"] = copy.deepcopy(data["tracingConfiguration"])
        return answer

    return change_state_machine


def _described_tracing(describe: Any) -> Any:
    def describe_state_machine(data: dict) -> Any:
        status, headers, body = describe(data)
        machine = stepfunctions._state_machines.get(data.get("stateMachineArn", ""))
        if status >= 300 or machine is None:
            return status, headers, body
        return json_response(
            {**json.loads(body), "tracingConfiguration": machine.get("tracingConfiguration", {"enabled": False})}
        )

    return describe_state_machine
