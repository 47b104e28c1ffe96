"""Who plans a pull request may read how things are set up, and the state, and neither data nor write anything.

The code of any branch runs with this role, so each of its policies is held against what AWS's own list lets it do: the
local AWS has that list, and the bootstrap stack is applied to it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from ministack.core.iam_evaluator import parse_policy_document

import local
from local.permissions.calls import Call
from local.permissions.verdicts import ALLOWED, DENIED, Policies, judged
from tools.terraform import deployment, environments, stacks
from tools.terraform.environments import FOLDER, Environment
from tools.terraform.plans import Plan

# boto3's name of a service where its actions bear another.
PREFIXES = {"stepfunctions": "states"}
SERVICES = (
    *("athena", "cloudwatch", "dynamodb", "ecr", "events", "glue", "iam", "kinesis", "kms", "lambda", "logs", "s3"),
    *("sagemaker", "scheduler", "sns", "sqs", "stepfunctions"),
)
WRITES = re.compile(
    r"(Create|Put|Update|Delete|Start|Stop|Send|Publish|Tag|Untag|Add|Remove|Set|Attach|Detach|Register|Deregister|"
    r"Enable|Disable|Schedule|Cancel|Invoke(?!dBy)|Copy|Complete|Abort|Upload|Restore|Purge|Merge|Split|Write|Import|Run)"
)
# What begins like a write and is none: they look, or wait for what somebody else has begun.
READS = {"logs:StopQuery"}
DATA = (
    *("athena:GetQueryResults", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "kinesis:GetRecords"),
    *("dynamodb:BatchGetItem", "dynamodb:PartiQLSelect"),
    *("s3:GetObject", "s3:GetObjectVersion", "sagemaker:GetRecord", "sagemaker:BatchGetRecord", "sqs:ReceiveMessage"),
    *("ssm:GetParameter", "kms:Decrypt", "sagemaker:InvokeEndpoint", "lambda:InvokeFunction"),
    *("logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery"),
)
READ = (
    *("athena:GetWorkGroup", "cloudwatch:DescribeAlarms", "dynamodb:DescribeTable", "glue:GetJob", "glue:GetTable"),
    *("iam:GetRole", "iam:GetRolePolicy", "kinesis:DescribeStreamSummary", "kms:GetKeyPolicy", "lambda:GetFunction"),
    *("logs:DescribeLogGroups", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration", "sagemaker:DescribeEndpoint"),
    *("scheduler:GetSchedule", "sns:GetTopicAttributes", "sqs:GetQueueAttributes", "states:DescribeStateMachine"),
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Environment:
    """An environment of which the bootstrap stack is there, with roles for the delivery; meanwhile we work in it."""
    folder = tmp_path_factory.mktemp("plan-role")
    with pytest.MonkeyPatch.context() as patch, local.running(folder / "aws", port=0) as aws:
        for name, value in aws.environment().items():
            patch.setenv(name, value)
        patch.setattr(environments, "FOLDER", Path(shutil.copytree(FOLDER, folder / "environments")))
        patch.setattr(stacks, "STATE", folder / "terraform")
        account = boto3.client("sts").get_caller_identity()["Account"]
        subjects = {role: [f"repo:owner/name:environment:{role}"] for role in ("plan", "apply", "image")}
        for file, more in (
            ("environment", {"account_ids": [account], "s3_use_path_style": True}),
            ("bootstrap", {"github": {"subjects": subjects}}),
        ):
            path = environments.FOLDER / "dev" / f"{file}.tfvars.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | more))
        found = Environment.read("dev")
        deployment.bootstrap(found, capture=True)
        yield found


@pytest.fixture(scope="module")
def held(environment) -> list[dict]:
    """Every document that the role has: its own, and AWS's that is attached to it."""
    iam, name = boto3.client("iam"), f"{environment.prefix}-delivery-plan"
    own = [
        iam.get_role_policy(RoleName=name, PolicyName=n) for n in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    documents = [each["PolicyDocument"] for each in own]
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        documents.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    return documents


@pytest.fixture
def decided(environment, held):
    """What IAM says to an action of the role on a resource that is not the state."""
    policies = Policies([statement for document in held for statement in parse_policy_document(document)])
    role = f"arn:aws:iam::{environment.account}:role/{environment.prefix}-delivery-plan"

    def decide(action: str, resource: str | None = None) -> str:
        default = f"arn:aws:{action.partition(':')[0]}:eu-west-1:{environment.account}:{environment.prefix}-x/y"
        return judged(role, Call(action, resource or default), policies, "eu-west-1").decision

    return decide


def actions(service: str) -> list[str]:
    model = botocore.session.get_session().get_service_model(service)
    return [f"{PREFIXES.get(service, service)}:{name}" for name in model.operation_names]


def test_the_roles_of_the_delivery_pass_the_guard_once_all_of_their_policies_are_known(environment):
    stacks.init_with_state("bootstrap", environment)
    changes = Plan("bootstrap", environment).make()

    assert not changes
    deployment.guard(environment)  # what may not pass raises


def test_the_plan_role_reads_how_things_are_set_up(decided):
    assert {action: found for action in READ if (found := decided(action)) != ALLOWED} == {}


def test_the_plan_role_reads_no_data(decided):
    assert {action: found for action in DATA if (found := decided(action)) != DENIED} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_the_plan_role_writes_nothing(decided, service):
    writes = [action for action in actions(service) if WRITES.match(action.partition(":")[2]) and action not in READS]

    assert writes
    assert {action: found for action in writes if (found := decided(action)) != DENIED} == {}


def test_a_session_of_the_plan_role_reads_the_state_and_no_other_object_and_takes_no_lock(environment, held):
    """Of a copy of the role: its own is taken with GitHub's token."""
    state, artifacts = environment.bucket("state"), environment.bucket("artifacts")
    ours = boto3.client("s3")
    ours.put_object(Bucket=state, Key="data.tfstate", Body=b"{}")
    ours.put_object(Bucket=artifacts, Key="code.zip", Body=b"code")
    s3 = session(held).client("s3")

    assert s3.get_object(Bucket=state, Key="data.tfstate")["Body"].read() == b"{}"
    assert s3.get_bucket_policy(Bucket=artifacts)["Policy"]
    for action, ask in (
        ("s3:GetObject", lambda: s3.get_object(Bucket=artifacts, Key="code.zip")),
        ("s3:PutObject", lambda: s3.put_object(Bucket=state, Key="data.tfstate.tflock", Body=b"")),
        ("s3:DeleteObject", lambda: s3.delete_object(Bucket=state, Key="data.tfstate")),
    ):
        with pytest.raises(ClientError, match=f"is not authorized to perform: {action}"):
            ask()


def test_a_session_of_the_plan_role_reads_no_parameter(environment, held):
    name = f"/{environment.prefix}/password"
    boto3.client("ssm").put_parameter(Name=name, Value="{}", Type="String")
    with pytest.raises(ClientError, match="not authorized to perform: ssm:GetParameter"):
        session(held, "refreshing").client("ssm").get_parameter(Name=name)


def session(documents: list[dict], name: str = "copy") -> boto3.session.Session:
    iam = boto3.client("iam")
    who = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [who]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for number, document in enumerate(documents):
        made = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=json.dumps(document))
        iam.attach_role_policy(RoleName=name, PolicyArn=made["Policy"]["Arn"])
    keys = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return boto3.session.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], os.environ["AWS_REGION"]
    )
