"""`make verify`: what was built and what runs, side by side.

Terraform knows what it made; this asks the services what they run. Wanted is what `make package` built, what the state
holds and what the releases say; live is what the services answer.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from release.promotion import ASKED

from tools import feature_groups, releases
from tools.operate.platform import Platform
from tools.terraform import stacks
from tools.terraform.environments import Environment

ENDPOINTS = {"module.endpoint": "fraud", "module.loan_endpoint": "credit"}  # whose models answer at which
ON_DEMAND = "ON_DEMAND"  # a stream whose shards are AWS's own affair


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, as a service has it and as it was wanted."""

    what: str
    wanted: str
    live: str

    @property
    def holds(self) -> bool:
        return self.wanted == self.live

    def __str__(self) -> str:
        return f"{self.what}: wanted {self.wanted}, live {self.live}"


def verified(platform: Platform, environment: Environment) -> Iterator[Finding]:
    """Every comparison, those that hold included. What a service does not know is a finding, too."""
    listed = json.loads((stacks.PACKAGE / "platform.tfvars.json").read_text())["artifacts"]
    held = {stack: stacks.state(stack, environment) or {"resources": []} for stack in ("data", "platform")}
    yield from functions(platform, listed)
    yield from glue_jobs(platform, listed)
    yield from pipelines(platform, held["platform"])
    yield from groups(platform)
    for module, problem in ENDPOINTS.items():
        yield from endpoint(platform, held["platform"], module, problem)
    yield from streams(platform, held["data"])
    yield from mappings(platform, held["platform"])
    yield from subscribers(platform, held["platform"])


def functions(platform: Platform, listed: dict) -> Iterator[Finding]:
    for name, artifact in listed.items():
        if name.startswith("lambda/"):
            function = f"{platform.prefix}-{name.removeprefix('lambda/')}"
            live = asked(client(platform, "lambda").get_function_configuration, FunctionName=function)
            yield Finding(f"code of {function}", artifact["hash"], live.get("CodeSha256", live["problem"]))


def glue_jobs(platform: Platform, listed: dict) -> Iterator[Finding]:
    """The script that a job starts, and the bytes that lie there."""
    bucket = platform.outputs["artifacts_bucket"]
    for name, artifact in listed.items():
        if not name.startswith("glue/jobs/"):
            continue
        job = f"{platform.prefix}-{name.rpartition('/')[2].replace('_', '-')}"
        live = asked(client(platform, "glue").get_job, JobName=job)
        place = live["Job"]["Command"]["ScriptLocation"] if "Job" in live else live["problem"]
        yield Finding(f"script of {job}", f"s3://{bucket}/{artifact['key']}", place)
        body = asked(client(platform, "s3").get_object, Bucket=bucket, Key=artifact["key"])
        yield Finding(
            f"bytes of {name}", artifact["hash"], sha(body["Body"].read()) if "Body" in body else body["problem"]
        )


def pipelines(platform: Platform, state: dict) -> Iterator[Finding]:
    for made in resources(state, "aws_sagemaker_pipeline"):
        name = made["pipeline_name"]
        live = asked(client(platform, "sagemaker").describe_pipeline, PipelineName=name)
        definition = live.get("PipelineDefinition")
        wanted = digest(made["pipeline_definition"])
        yield Finding(f"definition of {name}", wanted, digest(definition) if definition else live["problem"])


def groups(platform: Platform) -> Iterator[Finding]:
    """Every declared feature, with its type, and a group that takes records."""
    sagemaker = client(platform, "sagemaker")
    for group, wanted in feature_groups.declared(stacks.PACKAGE / "data.tfvars.json").items():
        name = f"{platform.prefix}-{group}"
        has = feature_groups.features_of(sagemaker, name)
        lacks = sorted(feature for feature, kind in wanted.items() if has.get(feature) != kind)
        yield Finding(f"features of {name}", "none missing", f"missing {', '.join(lacks)}" if lacks else "none missing")
        live = asked(sagemaker.describe_feature_group, FeatureGroupName=name)
        yield Finding(f"status of {name}", "Created", live.get("FeatureGroupStatus", live["problem"]))


def endpoint(platform: Platform, state: dict, module: str, problem: str) -> Iterator[Finding]:
    """What serves is what was released, and the thresholds are that model's."""
    (made,) = resources(state, "aws_sagemaker_endpoint", module)
    sagemaker, name = client(platform, "sagemaker"), made["name"]
    released = releases.released(client(platform, "dynamodb"), platform.prefix, problem)
    live = asked(sagemaker.describe_endpoint, EndpointName=name)
    yield Finding(f"endpoint {name}", "InService", live.get("EndpointStatus", live["problem"]))
    serving = live.get("EndpointConfigName")
    if serving is None:
        return
    (bootstrap,) = resources(state, "aws_sagemaker_model", module)  # serves until a model is released
    (its_configuration,) = resources(state, "aws_sagemaker_endpoint_configuration", module)
    # Credit's release is of runs: of its endpoint it keeps no name, which is the model's.
    made_by_release = released["endpoint_config"] if problem == "fraud" else released["model_name"]
    yield Finding(f"configuration of {name}", made_by_release or its_configuration["name"], serving)
    config = asked(sagemaker.describe_endpoint_config, EndpointConfigName=serving)
    variants = config.get("ProductionVariants", [])
    by_release = f"{released['model_name']}{'' if problem == 'fraud' else ASKED}"
    wanted = by_release if released["model_name"] else bootstrap["name"]
    yield Finding(f"model that serves at {name}", wanted, ", ".join(v["ModelName"] for v in variants))
    for variant in variants:
        model = asked(sagemaker.describe_model, ModelName=variant["ModelName"])
        role = bootstrap["execution_role_arn"]
        yield Finding(f"role of {variant['ModelName']}", role, model.get("ExecutionRoleArn", model["problem"]))


def streams(platform: Platform, state: dict) -> Iterator[Finding]:
    kinesis = client(platform, "kinesis")
    for made in resources(state, "aws_kinesis_stream"):
        answer = asked(kinesis.describe_stream_summary, StreamName=made["name"])
        demanded = [mode["stream_mode"] for mode in made.get("stream_mode_details") or ()] == [ON_DEMAND]
        size = "on demand" if demanded else f"{made['shard_count']} shards"
        wanted = f"{size}, {made['retention_period']} h, {made['kms_key_id']}"
        has = answer["problem"]
        if live := answer.get("StreamDescriptionSummary"):
            key = live.get("KeyId", "not encrypted")
            demands = live.get("StreamModeDetails", {}).get("StreamMode") == ON_DEMAND
            size = "on demand" if demands else f"{live['OpenShardCount']} shards"
            has = f"{size}, {live['RetentionPeriodHours']} h, {key}"
        yield Finding(f"stream {made['name']}", wanted, has)


def mappings(platform: Platform, state: dict) -> Iterator[Finding]:
    """A customer's payments share a partition key and thus a shard: one reader a shard keeps their order, and what it
    cannot do is neither repeated for ever nor lost."""
    for made in resources(state, "aws_lambda_event_source_mapping"):
        live = asked(client(platform, "lambda").get_event_source_mapping, UUID=made["uuid"])
        reads = made["function_name"].rpartition(":")[2]
        yield Finding(f"mapping of {reads}", "Enabled", live.get("State", live["problem"]))
        if ":kinesis:" in made["event_source_arn"]:
            yield Finding(f"readers a shard of {reads}", "1", str(live.get("ParallelizationFactor") or 1))
            bisects = made["bisect_batch_on_function_error"]
            yield Finding(f"bad batch of {reads} is halved", str(bisects), str(live.get("BisectBatchOnFunctionError")))


def subscribers(platform: Platform, state: dict) -> Iterator[Finding]:
    """Whoever is to be told has confirmed."""
    for made in resources(state, "aws_sns_topic_subscription"):
        listed = asked(client(platform, "sns").list_subscriptions_by_topic, TopicArn=made["topic_arn"])
        arns = {each["Endpoint"]: each["SubscriptionArn"] for each in listed.get("Subscriptions", ())}
        arn = arns.get(made["endpoint"], "nobody of that address")
        topic = made["topic_arn"].rpartition(":")[2]
        stands = "confirmed" if arn.startswith("arn:") else arn
        yield Finding(f"subscription of {made['endpoint']} to {topic}", "confirmed", stands)


def resources(state: dict, kind: str, module: str | None = None) -> Iterator[dict]:
    """Attributes of every managed resource of a kind, or of those of one module."""
    for found in state["resources"]:
        if found["mode"] == "managed" and found["type"] == kind and module in (None, found.get("module")):
            yield from (instance["attributes"] for instance in found["instances"])


def asked(call: Callable[..., dict], **arguments: str) -> dict:
    """The answer, or its `problem` as AWS words it."""
    try:
        return {"problem": "no such member in the answer", **call(**arguments)}
    except ClientError as failed:
        return {"problem": f"{failed.response['Error']['Code']}: {failed.response['Error'].get('Message', '')}"}


def client(platform: Platform, name: str) -> Any:
    return platform.client(name)


def sha(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def digest(definition: str) -> str:
    """Of a JSON document, whatever its spaces and the order of its keys."""
    return hashlib.sha256(json.dumps(json.loads(definition), sort_keys=True).encode()).hexdigest()[:16]
