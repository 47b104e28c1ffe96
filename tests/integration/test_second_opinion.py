"""A second opinion on the platform's Terraform: LocalStack, which others wrote, has many of the services it needs.

`make test BACKEND=localstack` applies them to it, uses them and takes them down; `make test` does the same on the
embedded AWS, without network and lake, so that both are held to the same sentences.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from scoring.answers import Answers
from scoring.lists import Lists
from scoring.live import Places, Release
from scoring.merchants import MerchantStream
from scoring.model import Model
from scoring.records import Records
from scoring.signing import Verifier
from scoring.tails import Tails
from scoring.terms import Terms
from stream.door import StreamDoor
from stream.quarantine import Quarantine
from stream.sinks import BLOCKED, REVIEWED, DecisionLog, LateLog, Topic

from tests.unit.lambda_functions.aws import Documents, Endpoint, FeatureStore, Kms, Table
from tests.unit.lambda_functions.scene import GROUPS
from tests.waiting import eventually
from tools import localstack
from tools.terraform.stacks import ROOT

from .backends import LOCALSTACK, Backend, chosen
from .second_opinion import DIFFERENCES, LEFT_OUT, LENIENCIES, MACHINES, Stack, modules

KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": [f"{name}.amazonaws.com" for name in ("cloudwatch", "events", "sns", "logs")]},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
    ],
}


@pytest.fixture(scope="module")
def stack(host: str, backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    prefix = f"opinion-{uuid.uuid4().hex[:8]}"
    with lake(backend, prefix) if "lake" in LEFT_OUT[chosen()] else nullcontext() as given:
        made = Stack(tmp_path_factory.mktemp("opinion"), prefix, chosen(), host, given)
        try:
            made.apply()
            yield made
        finally:
            made.destroy()
    assert left(backend, prefix) == []


@contextmanager
def lake(backend: Backend, prefix: str) -> Iterator[dict[str, str]]:
    """A bucket and a key, as the module gives them."""
    s3, kms, name = backend.client("s3"), backend.client("kms"), f"{prefix}-lake"
    key = kms.create_key(Description=prefix, Policy=json.dumps(KEY_POLICY))["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield {"name": name, "arn": f"arn:aws:s3:::{name}", "kms_key_arn": key}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for each in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def left(backend: Backend, prefix: str) -> list[str]:
    """What still bears the name: of every service that the modules use, but keys, which wait for their end."""
    s3, sqs, logs, iam = (backend.client(name) for name in ("s3", "sqs", "logs", "iam"))
    listed = {
        "bucket": [b["Name"] for b in s3.list_buckets()["Buckets"]],
        "queue": sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", []),
        "stream": backend.client("kinesis").list_streams()["StreamNames"],
        "topic": [t["TopicArn"] for t in backend.client("sns").list_topics()["Topics"]],
        "log group": [
            g["logGroupName"] for p in logs.get_paginator("describe_log_groups").paginate() for g in p["logGroups"]
        ],
        "role": [r["RoleName"] for p in iam.get_paginator("list_roles").paginate() for r in p["Roles"]],
        "machine": [m["name"] for m in backend.client("stepfunctions").list_state_machines()["stateMachines"]],
        "schedule": [s["Name"] for s in backend.client("scheduler").list_schedules()["Schedules"]],
        "rule": [r["Name"] for r in backend.client("events").list_rules()["Rules"]],
        "alarm": [
            a["AlarmName"] for a in backend.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
        ],
        "dashboard": [d["DashboardName"] for d in backend.client("cloudwatch").list_dashboards()["DashboardEntries"]],
        "alias": [a["AliasName"] for a in backend.client("kms").list_aliases()["Aliases"]],
    }
    if "network" not in LEFT_OUT[chosen()]:
        networks = backend.client("ec2").describe_vpcs()["Vpcs"]
        listed["network"] = [tag["Value"] for network in networks for tag in network.get("Tags", [])]
    return [f"{kind} {name}" for kind, names in listed.items() for name in names if prefix in name]


def queue(backend: Backend, stack: Stack, name: str) -> str:
    return backend.client("sqs").get_queue_url(QueueName=f"{stack.prefix}-{name}")["QueueUrl"]


def taken(backend: Backend, stack: Stack, name: str) -> list[str]:
    """Bodies of messages that wait there, which are then gone."""
    sqs, url = backend.client("sqs"), queue(backend, stack, name)
    found = []
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        found.append(message["Body"])
    return found


def machine(backend: Backend, stack: Stack, name: str) -> str:
    listed = backend.client("stepfunctions").list_state_machines()["stateMachines"]
    return next(m["stateMachineArn"] for m in listed if m["name"] == f"{stack.prefix}-{name}")


def ended(backend: Backend, execution: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        said = backend.client("stepfunctions").describe_execution(executionArn=execution)
        return said if said["status"] != "RUNNING" else None

    return eventually(found, "the end of the machine")


def test_a_second_plan_changes_nothing_but_what_the_table_names(stack):
    """Beginning with this one: what is used afterwards leaves resources as they are."""
    expected = {(d.resource, d.argument) for d in DIFFERENCES} if chosen() == LOCALSTACK else set()
    assert stack.differences() == expected


def test_payments_on_its_kinesis_are_decided_by_the_consumer_s_own_code(stack, backend):
    kinesis, name = backend.client("kinesis"), f"{stack.prefix}-transactions"
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    payments = [
        {
            "transaction_id": f"t{number}",
            "event_time": now,
            "customer_id": f"c{number % 3}",
            "merchant_id": "m1",
            "amount": "10.00",
        }
        for number in range(12)
    ]
    for payment in payments:
        kinesis.put_record(StreamName=name, PartitionKey=payment["customer_id"], Data=json.dumps(payment).encode())
    current = Documents(releases={"policy": {"version": "7", "review_at": 0.5, "block_at": 0.9, "rules": []}})
    tables = Table()
    door = StreamDoor(
        records=Records(FeatureStore(), GROUPS),
        model=Model(Endpoint(lambda rows: [0.95] * len(rows)), "fraud"),
        release=Release(current, backend.client("s3"), Places("risk-test-releases", "risk-test-policies", "none")),
        terms=Terms(backend.client("s3"), f"{stack.prefix}-lake"),
        log=DecisionLog(backend.client("s3"), f"{stack.prefix}-lake"),
        late=LateLog(backend.client("s3"), f"{stack.prefix}-lake"),
        alerts=Topic(backend.client("sns"), topic(backend, stack), BLOCKED),
        reviews=Topic(backend.client("sns"), topic(backend, stack), REVIEWED),
        merchants=MerchantStream(kinesis, f"{stack.prefix}-merchants"),
        answers=Answers(tables, "risk-test-answers", time.time),
        tails=Tails(tables, "risk-test-tails", time.time),
        lists=Lists(tables, "risk-test-lists", time.time),
        verifier=Verifier(Kms(), "signing"),
        quarantine=Quarantine(backend.client("s3"), f"{stack.prefix}-lake"),
        now=lambda: int(time.time() * 1000),
    )
    for batch in batches(kinesis, name, len(payments)):
        door.take(batch)

    s3, bucket = backend.client("s3"), f"{stack.prefix}-lake"
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix="decisions/")["Contents"]]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    decided = {d["transaction_id"]: d["action"] for body in bodies for d in map(json.loads, body.splitlines())}
    assert decided == {payment["transaction_id"]: "BLOCK" for payment in payments}
    counted = [
        json.loads(r["Data"])["transaction_id"] for b in raw(kinesis, f"{stack.prefix}-merchants", 12) for r in b[1]
    ]
    assert sorted(counted) == sorted(decided)
    alerted: set[str] = set()

    def told() -> bool:
        bodies = map(json.loads, taken(backend, stack, "told"))
        alerted.update(
            body["transaction_id"] for body in bodies if "AlarmName" not in body
        )  # a heartbeat may be missing
        return alerted >= set(decided)

    eventually(told, "an alert for every blocked payment")


def topic(backend: Backend, stack: Stack) -> str:
    topics = backend.client("sns").list_topics()["Topics"]
    return next(t["TopicArn"] for t in topics if t["TopicArn"].endswith(f":{stack.prefix}-alerts"))


def raw(kinesis: Any, name: str, count: int) -> list[tuple[str, list[dict]]]:
    """What the stream's shards hold, once it is so many records."""

    def found() -> list[tuple[str, list[dict]]] | None:
        held = []
        for shard in kinesis.list_shards(StreamName=name)["Shards"]:
            begin = kinesis.get_shard_iterator(
                StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )
            held.append((shard["ShardId"], kinesis.get_records(ShardIterator=begin["ShardIterator"])["Records"]))
        return held if sum(len(records) for _, records in held) >= count else None

    return eventually(found, f"{count} records on {name}")


def batches(kinesis: Any, name: str, count: int) -> list[list[dict]]:
    """The stream's records as Lambda hands them over, by shard."""
    return [
        [
            {
                "eventID": f"{shard}:{record['SequenceNumber']}",
                "kinesis": {
                    "sequenceNumber": record["SequenceNumber"],
                    "partitionKey": record["PartitionKey"],
                    "data": base64.b64encode(record["Data"]).decode(),
                    "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
                },
            }
            for record in records
        ]
        for shard, records in raw(kinesis, name, count)
        if records
    ]


def test_a_state_machine_runs_its_branches_and_tells_a_queue_of_every_item(stack, backend):
    days = ["2026-11-27", "2026-11-28", "2026-11-29"]
    started = backend.client("stepfunctions").start_execution(
        stateMachineArn=machine(backend, stack, "told"), input=json.dumps({"days": days})
    )
    assert ended(backend, started["executionArn"])["status"] == "SUCCEEDED"
    said: set[str] = set()

    def told() -> bool:
        said.update(taken(backend, stack, "told"))
        return said >= set(days)

    eventually(told, "a message for every day")


def test_the_night_is_planned_and_comes_as_far_as_its_first_job(stack, backend):
    """Neither has the job: Glue is not there, or nothing of that name."""
    states = backend.client("stepfunctions")
    started = states.start_execution(
        stateMachineArn=machine(backend, stack, "nightly"), input=json.dumps({"as_of": "2026-11-29T02:00:00Z"})
    )
    said = ended(backend, started["executionArn"])
    assert said["status"] == "FAILED"
    if "Installation of java" in said.get("cause", ""):
        pytest.skip("LocalStack reads JSONata by a Java 21 that it downloads, which this machine cannot")
    events = states.get_execution_history(executionArn=started["executionArn"])["events"]
    planned = next(
        json.loads(e["stateExitedEventDetails"]["output"])
        for e in events
        if e.get("stateExitedEventDetails", {}).get("name") == "Plan"
    )
    assert planned["days"] == ["2026-11-26", "2026-11-27", "2026-11-28"]
    entered = [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]
    assert entered == ["Plan", "RawToBronze"]


def test_every_machine_has_its_schedule_which_may_start_it(stack, backend):
    scheduler = backend.client("scheduler")
    for name in MACHINES:
        found = scheduler.get_schedule(Name=f"{stack.prefix}-{name}")
        assert found["Target"]["Arn"] == machine(backend, stack, name)
        assert (found["State"], found["Target"]["RoleArn"].rpartition("/")[2]) == (
            "DISABLED",
            f"{stack.prefix}-scheduler",
        )


def test_an_alarm_reaches_a_queue_by_the_topic_of_alarms(stack, backend):
    cloudwatch, alarm = backend.client("cloudwatch"), f"{stack.prefix}-alerts-unsent"
    heard: list[dict] = []

    def told() -> bool:
        cloudwatch.put_metric_data(
            Namespace=stack.prefix,
            MetricData=[
                {"MetricName": "unsent_alerts", "Dimensions": [{"Name": "door", "Value": "stream"}], "Value": 3}
            ],
        )
        bodies = [json.loads(body) for body in taken(backend, stack, "told") if body.startswith("{")]
        heard.extend(body for body in bodies if body.get("AlarmName") == alarm)
        return any(body["NewStateValue"] == "ALARM" for body in heard)

    eventually(told, "the alarm")
    (state,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    assert state["StateValue"] == "ALARM"


def spoken(backend: Backend, group: str, status: str) -> bool:
    """Says in SageMaker's name that a package of the group has this status; whether that was taken."""
    event = {
        "Source": "aws.sagemaker",
        "DetailType": "SageMaker Model Package State Change",
        "Detail": json.dumps({"ModelPackageGroupName": group, "ModelApprovalStatus": status}),
    }
    return backend.client("events").put_events(Entries=[event])["FailedEntryCount"] == 0


def test_who_speaks_for_a_service_is_refused_except_by_localstack(stack, backend):
    assert spoken(backend, "nobody-s", "Approved") == (chosen() == LOCALSTACK)


def test_a_machine_does_only_what_its_role_may_except_in_localstack(stack, backend):
    states, iam, name = backend.client("stepfunctions"), backend.client("iam"), f"{stack.prefix}-powerless"
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue(backend, stack, "told"), "MessageBody": "powerless"},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Send", "States": {"Send": send}})
    made = states.create_state_machine(name=name, roleArn=role, definition=definition)["stateMachineArn"]
    try:
        status = ended(backend, states.start_execution(stateMachineArn=made)["executionArn"])["status"]
        assert status == ("SUCCEEDED" if chosen() == LOCALSTACK else "FAILED")
    finally:
        states.delete_state_machine(stateMachineArn=made)
        iam.delete_role(RoleName=name)


@contextmanager
def approval(backend: Backend, group: str) -> Iterator[None]:
    """A package of the group is rejected, then approved: by SageMaker, and where there is none in its name."""
    if chosen() == LOCALSTACK:
        assert spoken(backend, group, "Rejected")
        assert spoken(backend, group, "Approved")
        yield
        return
    sagemaker = backend.client("sagemaker")
    kinds = ["text/csv"]
    package = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Rejected",
        InferenceSpecification={
            "Containers": [{"Image": "risk:1", "ModelDataUrl": "s3://nowhere/model.tar.gz"}],
            "SupportedContentTypes": kinds,
            "SupportedResponseMIMETypes": kinds,
        },
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    yield
    sagemaker.delete_model_package(ModelPackageName=package)


def test_only_an_approval_waits_for_the_release(stack, backend):
    group = f"{stack.prefix}-fraud"
    with approval(backend, group):
        (body,) = eventually(lambda: taken(backend, stack, "release.fifo"), "the approval")
    detail = json.loads(body)["detail"]
    assert (detail["ModelPackageGroupName"], detail["ModelApprovalStatus"]) == (group, "Approved")


def test_the_page_on_localstack_shows_every_difference_and_who_is_right():
    page = (ROOT / "docs" / "localstack.md").read_text()
    shown = [line for line in page.split("## Where it differs")[1].splitlines() if line.startswith("| ")]
    differences = [f"| `{d.resource}` | `{d.argument}` | {d.says} | {d.right} | {d.why} |" for d in DIFFERENCES]
    lenient = [f"| {each.what} | {each.says} | {each.right} | {each.why} |" for each in LENIENCIES]
    assert [line for line in shown if not line.endswith("| Why |")] == [*differences, *lenient]


def test_the_page_on_localstack_names_every_module_that_is_applied_to_it():
    page = (ROOT / "docs" / "localstack.md").read_text()
    applied = {module["source"].rpartition("/")[2] for module in modules("p").values()}
    assert LEFT_OUT[LOCALSTACK] == set()
    assert all(f"`{name}`" in page for name in applied)


def test_docker_starts_localstack_with_the_services_that_its_package_starts_with():
    """And no others: the one that runs here shows that they suffice."""
    compose = (ROOT / "docker-compose.yml").read_text()
    assert f"\n      SERVICES: {','.join(localstack.SERVICES)}\n" in compose
    assert f"image: localstack/localstack:{localstack.VERSION} " in compose
