"""What bears an environment's name in its account, one row for each kind of resource that the platform has; and what
bears its tags, of whatever kind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Kind:
    """How AWS lists one kind: client, operation, the answer's list, and its field with the name, if it has fields."""

    service: str
    operation: str
    member: str
    name: str | None
    begins: str = ""  # what stands before the environment's prefix


KINDS = (
    Kind("apigatewayv2", "get_apis", "Items", "Name"),
    Kind("athena", "list_work_groups", "WorkGroups", "Name"),
    Kind("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    Kind("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    Kind("dynamodb", "list_tables", "TableNames", None),
    Kind("ecr", "describe_repositories", "repositories", "repositoryName"),
    Kind("events", "list_rules", "Rules", "Name"),
    Kind("glue", "get_crawlers", "Crawlers", "Name"),
    Kind("glue", "get_jobs", "Jobs", "Name"),
    Kind("iam", "list_roles", "Roles", "RoleName"),
    Kind("kinesis", "list_streams", "StreamNames", None),
    Kind("kms", "list_aliases", "Aliases", "AliasName", "alias/"),
    Kind("lambda", "list_functions", "Functions", "FunctionName"),
    Kind("logs", "describe_log_groups", "logGroups", "logGroupName"),
    Kind("s3", "list_buckets", "Buckets", "Name"),
    Kind("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    Kind("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
    Kind("sagemaker", "list_feature_groups", "FeatureGroupSummaries", "FeatureGroupName"),
    Kind("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"),
    Kind("sagemaker", "list_models", "Models", "ModelName"),
    Kind("sagemaker", "list_pipelines", "PipelineSummaries", "PipelineName"),
    Kind("scheduler", "list_schedules", "Schedules", "Name"),
    Kind("sns", "list_topics", "Topics", "TopicArn"),
    Kind("sqs", "list_queues", "QueueUrls", None),
    Kind("stepfunctions", "list_state_machines", "stateMachines", "name"),
)

# How an ARN says what boto3 calls otherwise.
IN_ARNS = {"apigatewayv2": "apigateway", "stepfunctions": "states"}
TOLD_LATER = 20  # times that tags are asked for again, for the tagging service hears late of what is gone
PAUSE_S = 15.0

# Groups that SageMaker shares among all of an account's jobs: ours are streams in them.
SHARED_GROUPS = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs")


def named(prefix: str) -> list[str]:
    """Everything of the environment that is there, as `service: name`; and what Terraform tagged, as its ARN."""
    found = [f"{kind.service}: {name}" for kind in KINDS for name in _names(kind) if belongs(name, kind, prefix)]
    databases = [d["Name"] for d in pages("glue", "get_databases", "DatabaseList")]
    found += [f"glue: {name}" for name in databases if name.startswith(prefix.replace("-", "_") + "_")]
    return sorted({*found, *_streams(prefix)})


def tagged(tags: dict[str, str]) -> list[str]:
    """ARNs of what bears all of these tags, but keys that wait for their deletion, which keep theirs."""
    client: Any = boto3.client("resourcegroupstaggingapi")
    wanted = [{"Key": key, "Values": [value]} for key, value in tags.items()]
    pages = client.get_paginator("get_resources").paginate(TagFilters=wanted)
    found = {each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]}
    return sorted(arn for arn in found if not _is_key_that_goes(arn))


def tagged_in_the_end(tags: dict[str, str], pause: float = PAUSE_S) -> list[str]:
    """The same, once the tagging service has heard what is gone."""
    for _ in range(TOLD_LATER):
        if not (found := tagged(tags)):
            return []
        time.sleep(pause)
    return found


def only_by_name(names: list[str], arns: list[str]) -> list[str]:
    """Services with resources of the environment's name of which the tagging service told nothing: what is left of them
    is seen by its name alone. Some kinds take no tags, and not each service tells its."""
    told = {arn.split(":")[2] for arn in arns}
    services = {name.partition(": ")[0] for name in names}
    return sorted(service for service in services if IN_ARNS.get(service, service) not in told)


def _is_key_that_goes(arn: str) -> bool:
    if arn.split(":")[2] != "kms":
        return False
    client: Any = boto3.client("kms")
    return client.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def belongs(name: str, kind: Kind, prefix: str) -> bool:
    """Whether a resource's name, ARN or URL is one of the environment's."""
    if kind.service == "logs":
        return f"/{prefix}-" in name
    last = name.rpartition("/")[2] if kind.service == "sqs" else name.rpartition(":")[2]
    return last.removeprefix(kind.begins).startswith(f"{prefix}-") or last == prefix


def sweep(prefix: str) -> None:
    """Deletes what services have logged for the environment into groups of their own making."""
    logs: Any = boto3.client("logs")
    for group in pages("logs", "describe_log_groups", "logGroups"):
        name = group["logGroupName"]
        if f"/{prefix}-" in name:
            logs.delete_log_group(logGroupName=name)
    for group in SHARED_GROUPS:
        for stream in _streams_of(group, prefix):
            logs.delete_log_stream(logGroupName=group, logStreamName=stream)


def _streams(prefix: str) -> Iterator[str]:
    for group in SHARED_GROUPS:
        yield from (f"logs: {group}: {stream}" for stream in _streams_of(group, prefix))


def _streams_of(group: str, prefix: str) -> list[str]:
    logs: Any = boto3.client("logs")
    paginator = logs.get_paginator("describe_log_streams")
    try:
        asked = paginator.paginate(logGroupName=group, logStreamNamePrefix=f"{prefix}-")
        return [stream["logStreamName"] for page in asked for stream in page["logStreams"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def _names(kind: Kind) -> list[str]:
    found = pages(kind.service, kind.operation, kind.member)
    return [item if kind.name is None else item[kind.name] for item in found]


def pages(service: str, operation: str, member: str) -> list[Any]:
    """All that a list operation gives, page by page. Raises ClientError."""
    client: Any = boto3.client(service)  # type: ignore[call-overload]
    try:
        if client.can_paginate(operation):
            return [item for page in client.get_paginator(operation).paginate() for item in page.get(member, ())]
        return list(getattr(client, operation)().get(member, ()))
    except ClientError as failed:
        failed.response["Error"]["Message"] += f" (listing {service} {member})"
        raise
