"""Everything that keeps something keeps it under the customer's key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tools.guard.plan import UNKNOWN, Finding, Plan, Resource

# Where each kind names its key.
KEYS = {
    "aws_athena_workgroup": "configuration[].result_configuration[].encryption_configuration[].kms_key_arn",
    "aws_cloudtrail": "kms_key_id",
    "aws_cloudwatch_log_group": "kms_key_id",
    "aws_dynamodb_table": "server_side_encryption[].kms_key_arn",
    "aws_ecr_repository": "encryption_configuration[].kms_key",
    "aws_kinesis_firehose_delivery_stream": "extended_s3_configuration[].kms_key_arn",
    "aws_kinesis_stream": "kms_key_id",
    "aws_s3_bucket_server_side_encryption_configuration": (
        "rule[].apply_server_side_encryption_by_default[].kms_master_key_id"
    ),
    "aws_sagemaker_endpoint_configuration": "kms_key_arn",
    "aws_sns_topic": "kms_master_key_id",
    "aws_sqs_queue": "kms_master_key_id",
}
FEATURE_GROUP = {
    "online_store_config": "online_store_config[].security_config[].kms_key_id",
    "offline_store_config": "offline_store_config[].s3_storage_config[].kms_key_id",
}
# Documents that start jobs, and the parts of them that say where a job's output goes and what instances it gets.
DEFINITIONS = {"aws_sagemaker_pipeline": "pipeline_definition", "aws_sfn_state_machine": "definition"}
OUTPUTS = ("OutputDataConfig", "ProcessingOutputConfig", "TransformOutput")
INSTANCES = ("ClusterConfig", "ResourceConfig", "TransformResources")
NAMED_BY = {name: "KmsKeyId" for name in OUTPUTS} | {name: "VolumeKmsKeyId" for name in INSTANCES}


def findings(plan: Plan) -> Iterator[Finding]:
    for resource in plan.resources(*KEYS):
        if resource.kind == "aws_sagemaker_endpoint_configuration" and _serverless(resource):
            continue  # it has no instances, so no volumes, and takes no key
        yield from _missing(resource, KEYS[resource.kind])
    for group in plan.resources("aws_sagemaker_feature_group"):
        for store, path in FEATURE_GROUP.items():
            if group.one(store):
                yield from _missing(group, path)
    for parameter in plan.resources("aws_ssm_parameter"):
        if parameter.one("type") == "SecureString":
            yield from _missing(parameter, "key_id")
    yield from _buckets_without(plan, "aws_s3_bucket_server_side_encryption_configuration", "encryption")
    for resource in plan.resources(*DEFINITIONS):
        definition = resource.one(DEFINITIONS[resource.kind])
        if isinstance(definition, str):
            for where, member in parts_without_key(json.loads(definition)):
                yield Finding(
                    resource.address, f"{where} names no {member}: what the job writes leaves the customer's key"
                )


def _serverless(configuration: Resource) -> bool:
    return any(found for found in configuration.at("production_variants[].serverless_config[]"))


def parts_without_key(document: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Paths of outputs and instances in a definition of jobs that say no key, and the member that would say it."""
    if isinstance(document, list):
        for at, element in enumerate(document):
            name = element.get("Name", at) if isinstance(element, dict) else at
            yield from parts_without_key(element, f"{where}[{name}]")
    elif isinstance(document, dict):
        for name, value in document.items():
            path = f"{where}.{name}".lstrip(".")
            member = NAMED_BY.get(name, "")
            if member and isinstance(value, dict) and not (value.get(member) or value.get(f"{member}.$")):
                yield path, member
            yield from parts_without_key(value, path)


def companions(plan: Plan, bucket: Resource, kind: str) -> list[Resource]:
    """Resources of a kind that are about a bucket: by its name where that is known, else as their module has it."""
    return [
        other
        for other in plan.resources(kind)
        if (other.one("bucket") == bucket.one("bucket") and other.one("bucket") is not UNKNOWN)
        or (
            other.module == bucket.module
            and other.index == bucket.index
            and any(
                reference.partition("[")[0].removesuffix(".id").removesuffix(".bucket")
                == f"aws_s3_bucket.{bucket.name}"
                for reference in plan.references(other, "bucket")
            )
        )
    ]


def _buckets_without(plan: Plan, kind: str, what: str) -> Iterator[Finding]:
    for bucket in plan.resources("aws_s3_bucket"):
        if not companions(plan, bucket, kind):
            yield Finding(bucket.address, f"has no {what}: declare {kind} for it")


def _missing(resource: Resource, path: str) -> Iterator[Finding]:
    for key in resource.at(path):
        if key is UNKNOWN or (isinstance(key, str) and key and not _of_aws(key)):
            continue
        has = "AWS's own key" if key else "no key"
        yield Finding(resource.address, f"{path.replace('[]', '')} names {has}: give it the customer's")


def _of_aws(key: str) -> bool:
    return "alias/aws/" in key
