"""What roles have asked of the AWS that the environment points to, and what a role is told that lacks one statement."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from ministack.core.iam_evaluator import parse_policy_document

from local import lifecycle
from local.permissions import report
from local.permissions.calls import Call
from local.permissions.ledger import call_of
from local.permissions.mutation import Example, Finding, findings
from local.permissions.proof import policies_of
from tools.cases import Refused
from tools.operate.platform import Platform, StepFailed

KEPT = Path(__file__).resolve().parents[2] / "build" / "iam"
# What a queue needs that topics and rules may send to.
TOLD_BY_SERVICES = {
    "Policy": json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
                "Action": "sqs:SendMessage",
                "Resource": "*",
            },
        }
    )
}
REFUSED: set[tuple[str, str]] = set()  # role and action of calls that tests have asked in order to be refused
BROKEN = "broken-"  # before the name of a role: its copy that lacks a statement


def require_none_denied() -> dict[str, Any]:
    found = lifecycle.permissions(os.environ["AWS_ENDPOINT_URL"])
    wrong = [
        call
        for kind in ("denied", "not_judged")
        for call in found[kind]
        if f"/{BROKEN}" not in call["role"] and (call["role"], call["action"]) not in REFUSED
    ]
    assert wrong == [], report.text(found)
    assert found["not_recorded"] == 0, "calls could not be recorded: the server's log says why"
    assert found["calls"], "no role has asked anything"
    return found


def keep(found: dict[str, Any], name: str) -> None:
    """For `python -m local.permissions`, which judges the calls of every run again."""
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(found))


@dataclass
class Person(Platform):
    """The platform for whoever has taken a role for people."""

    role: str = ""

    @classmethod
    def taking(cls, role: str, platform: Platform, name: str = "test") -> Person:
        arn = platform.outputs["people"][role]
        keys = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName=name)["Credentials"]
        session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        return cls(platform.outputs, role=arn, session=session)

    def is_refused(self, action: str, ask: Callable[[], Any]) -> bool:
        REFUSED.add((self.role, action))
        try:
            ask()
        except (ClientError, Refused, StepFailed) as error:
            name = self.role.rpartition("/")[2]
            who, what = f"assumed-role/{name}/", f"is not authorized to perform: {action} on resource: "
            return (who in str(error) and what in str(error)) or "answered 403" in str(error)
        return False


def _name(resource: str) -> str:
    return resource.rpartition("/")[2]


def _object(resource: str) -> dict[str, str]:
    bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    return {"Bucket": bucket, "Key": key}


def _job(kind: str) -> Callable[[Any, Call], Any]:
    return lambda c, call: getattr(c, f"describe_{kind}_job")(**{f"{kind.title()}JobName": _name(call.resource)})


# One request for each action: (boto3's name of the service, what to ask it).
ASKING: dict[str, tuple[str, Callable[[Any, Call], Any]]] = {
    "s3:GetObject": ("s3", lambda c, call: c.get_object(**_object(call.resource))),
    "s3:PutObject": ("s3", lambda c, call: c.put_object(**_object(call.resource), Body=b"")),
    "s3:ListBucket": ("s3", lambda c, call: c.list_objects_v2(Bucket=_object(call.resource)["Bucket"])),
    # The catalog is asked about before the database and the table in it.
    "glue:GetTable": ("glue", lambda c, call: c.get_table(DatabaseName="any", Name="any")),
    "glue:StartJobRun": ("glue", lambda c, call: c.start_job_run(JobName=_name(call.resource))),
    "glue:StartCrawler": ("glue", lambda c, call: c.start_crawler(Name=_name(call.resource))),
    "states:StartExecution": ("stepfunctions", lambda c, call: c.start_execution(stateMachineArn=call.resource)),
    "lambda:InvokeFunction": ("lambda", lambda c, call: c.invoke(FunctionName=call.resource)),
    "kinesis:DescribeStreamSummary": ("kinesis", lambda c, call: c.describe_stream_summary(StreamARN=call.resource)),
    "kinesis:PutRecord": (
        "kinesis",
        lambda c, call: c.put_record(StreamARN=call.resource, Data=b"x", PartitionKey="x"),
    ),
    "dynamodb:GetItem": ("dynamodb", lambda c, call: c.get_item(TableName=_name(call.resource), Key={"k": {"S": ""}})),
    "sns:Publish": ("sns", lambda c, call: c.publish(TopicArn=call.resource, Message="x")),
    "kms:Decrypt": ("kms", lambda c, call: c.decrypt(KeyId=call.resource, CiphertextBlob=b"x")),
    "sagemaker:InvokeEndpoint": (
        "sagemaker-runtime",
        lambda c, call: c.invoke_endpoint(EndpointName=_name(call.resource), Body=b""),
    ),
    "sagemaker:DescribeTrainingJob": ("sagemaker", _job("training")),
    "sagemaker:DescribeProcessingJob": ("sagemaker", _job("processing")),
    "sagemaker:DescribeEndpoint": (
        "sagemaker",
        lambda c, call: c.describe_endpoint(EndpointName=_name(call.resource)),
    ),
    "cloudwatch:PutMetricData": (
        "cloudwatch",
        lambda c, call: c.put_metric_data(Namespace=dict(call.context)["cloudwatch:namespace"], MetricData=[]),
    ),
}


def _can_be_asked(call: Call) -> bool:
    return call.action in ASKING and (call.action != "glue:GetTable" or call.resource.endswith(":catalog"))


def breakable(found: dict[str, Any]) -> dict[str, Finding | None]:
    """For each role a statement that a recorded call needs and that a request here can ask for, if there is one.

    Whoever asks the API alone is left out: tests of people ask for what is not theirs."""
    chosen: dict[str, Finding | None] = {}
    for role, asked in found["examples"].items():
        if role not in found["policies"] or {call_of(each).action for each in asked} == {"execute-api:Invoke"}:
            continue
        policies = policies_of(found["policies"][role])
        calls = [call for call in map(call_of, asked) if _can_be_asked(call)]
        every = [Example(call, "", tuple(found["guards"].get(call.resource, ()))) for call in calls]
        needed = (finding for finding in findings(role, policies, every, found["region"]) if finding.needed_by)
        chosen[role] = next(needed, None)
    return chosen


def told_without(found: dict[str, Any], finding: Finding) -> str:
    """What AWS answers the call that needs a statement, made by a copy of the role that lacks it."""
    assert finding.needed_by is not None
    call = finding.needed_by.call
    with _copy_without(found["policies"][finding.role]["statements"], finding) as role:
        keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        service, ask = ASKING[call.action]
        try:
            ask(session.client(service), call)
        except ClientError as error:
            return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return ""


@contextmanager
def _copy_without(held: list[dict[str, Any]], finding: Finding) -> Iterator[str]:
    """The ARN of a role that has every statement but one. The role itself, which is at work, stays as it is."""
    iam, name = boto3.client("iam"), finding.role.rpartition("/")[2]
    place = finding.place
    copy = f"{BROKEN}{name}"[:64]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    arn = iam.create_role(RoleName=copy, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    rest = [_written(statement) for n, statement in enumerate(held) if n != place]
    try:
        if rest:
            assert [vars(s) for s in parse_policy_document({"Statement": rest})] == held[:place] + held[place + 1 :]
            iam.put_role_policy(RoleName=copy, PolicyName="rest", PolicyDocument=json.dumps({"Statement": rest}))
        yield arn
    finally:
        if rest:
            iam.delete_role_policy(RoleName=copy, PolicyName="rest")
        iam.delete_role(RoleName=copy)


@contextmanager
def may_everything(name: str) -> Iterator[boto3.session.Session]:
    """A session of a role that no policy of its own hinders."""
    iam = boto3.client("iam")
    account = boto3.client("sts").get_caller_identity()["Account"]
    who = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [who]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=json.dumps(policy))
    try:
        keys = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        yield boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="everything")
        iam.delete_role(RoleName=name)


def _written(statement: dict[str, Any]) -> dict[str, Any]:
    names = {"sid": "Sid", "effect": "Effect", "actions": "Action", "not_actions": "NotAction"}
    names |= {"resources": "Resource", "not_resources": "NotResource", "conditions": "Condition"}
    return {names[key]: value for key, value in statement.items() if value}
