"""What a call asks of IAM, what the planned policies say to it, and what the ledger keeps of it."""

from __future__ import annotations

import json

import pytest
from ministack.core.iam_evaluator import parse_policy_document

from local.permissions import recorder, report
from local.permissions.calls import Call, Place, Request, asked
from local.permissions.ledger import RESOURCES, Ledger
from local.permissions.verdicts import (
    ALLOWED,
    DENIED,
    NOT_JUDGED,
    Grant,
    Judge,
    Policies,
    Verdict,
    judged,
    judged_for_service,
)
from local.plugins import iam_calls

ACCOUNT, REGION = "000000000000", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/risk-etl"
LAKE = "arn:aws:s3:::lake"
PLACE = Place(REGION, ACCOUNT)


def allow(actions, resources="*", effect="Allow", sid="Rule", **more) -> dict:
    return {"Sid": sid, "Effect": effect, "Action": actions, "Resource": resources, **more}


def verdict(call: Call, *statements: dict, **resource) -> Verdict:
    policies = Policies(parse_policy_document({"Statement": list(statements)}))
    return judged(ROLE, call, policies, REGION, **resource)


GET = Call("s3:GetObject", f"{LAKE}/raw/a.csv")


def test_what_no_statement_allows_is_denied_and_the_missing_statement_is_named():
    found = verdict(GET)

    assert found.decision == DENIED
    assert found.reason == f'expected a statement that allows "s3:GetObject" on "{LAKE}/raw/a.csv"'


def test_a_statement_on_another_resource_does_not_allow_and_is_named():
    found = verdict(GET, allow("s3:GetObject", f"{LAKE}/gold/*", sid="ReadGold"))

    assert (found.decision, found.reason) == (DENIED, f"statement ReadGold allows it on {LAKE}/gold/* only")


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:Get*", "s3:*", "*"])
def test_wildcards_allow_and_the_grant_that_did_is_the_one_that_was_used(action):
    found = verdict(GET, allow([action, "s3:PutObject"], [f"{LAKE}/raw/*", f"{LAKE}/gold/*"]))

    assert found.decision == ALLOWED
    assert found.used == (Grant(action, f"{LAKE}/raw/*"),)


def test_an_explicit_deny_wins_over_every_allow():
    found = verdict(GET, allow("s3:*"), allow("s3:GetObject", f"{LAKE}/raw/*", effect="Deny", sid="NotRaw"))

    assert found == Verdict(DENIED, "statement NotRaw of the role's policy denies it")


@pytest.mark.parametrize(("namespace", "decision"), [("Risk", ALLOWED), ("Other", DENIED)])
def test_a_condition_allows_what_meets_it_only(namespace, decision):
    call = Call("cloudwatch:PutMetricData", "*", (("cloudwatch:namespace", namespace),))
    condition = {"StringEquals": {"cloudwatch:namespace": ["Risk"]}}

    found = verdict(call, allow("cloudwatch:PutMetricData", sid="Measure", Condition=condition))

    assert found.decision == decision
    assert (found.reason == "") == (decision == ALLOWED)


def test_a_grant_whose_condition_is_not_met_was_not_used():
    never = allow("s3:Get*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})

    assert verdict(GET, never, allow("s3:GetObject")).used == (Grant("s3:GetObject", "*"),)


TAG = {"StringEquals": {"s3:ExistingObjectTag/kind": "open"}}
UNKNOWN = {
    "an object's tag": [allow("s3:GetObject", Condition=TAG)],
    "a variable": [allow("s3:GetObject", f"{LAKE}/${{aws:PrincipalTag/team}}/*")],
    "a refusal's tag": [allow("s3:*"), allow("s3:GetObject", effect="Deny", Condition=TAG)],
    "a refusal's variable": [allow("s3:*"), allow("s3:Get*", f"{LAKE}/${{aws:username}}", effect="Deny")],
}


@pytest.mark.parametrize("statements", UNKNOWN.values(), ids=UNKNOWN)
def test_what_hangs_on_something_unknown_is_not_judged(statements):
    found = verdict(GET, *statements)

    assert found.decision == NOT_JUDGED
    assert "not known" in found.reason


def test_what_is_not_known_does_not_matter_where_something_else_decides():
    doubtful = allow("s3:GetObject", Condition=TAG)

    assert verdict(GET, doubtful, allow("s3:*")).decision == ALLOWED
    assert verdict(GET, doubtful, allow("s3:*", effect="Deny")).decision == DENIED


def test_an_unknown_condition_of_a_topic_does_not_take_what_the_role_has_and_does_not_give_what_it_lacks():
    topic = arn("sns", "alarms")
    owner = {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}
    policy = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*", "Resource": "*"}}
    policy["Statement"]["Condition"] = owner
    call = Call("sns:Publish", topic)

    assert verdict(call, allow("sns:Publish", topic), resource_policy=policy, owner=ACCOUNT).decision == ALLOWED
    assert verdict(call, resource_policy=policy, owner=ACCOUNT).decision in (DENIED, NOT_JUDGED)


@pytest.mark.parametrize("call", [Call("", LAKE), Call("s3:GetObject", "")])
def test_an_unknown_action_or_resource_is_never_taken_for_allowed(call):
    assert Judge(REGION).verdict(ROLE, call).decision == NOT_JUDGED


def bucket_policy(**statement) -> str:
    return json.dumps({"Statement": {"Sid": "RawStays", "Effect": "Deny", "Principal": "*", **statement}})


def test_the_policy_of_a_bucket_denies_what_the_role_may_and_spares_the_role_that_it_names():
    delete = Call("s3:DeleteObject", f"{LAKE}/raw/a.csv")

    def found(spared: str) -> Verdict:
        policy = bucket_policy(
            Action="s3:DeleteObject", Resource=f"{LAKE}/raw/*", Condition={"ArnNotLike": {"aws:PrincipalArn": spared}}
        )
        return verdict(delete, allow("s3:*"), resource_policy=policy, owner=ACCOUNT)

    assert (
        found("arn:aws:iam::000000000000:role/forget").reason == "statement RawStays of the resource's policy denies it"
    )
    assert found(ROLE).decision == ALLOWED


def test_what_a_policy_says_of_others_does_not_matter():
    logs = {
        "Effect": "Allow",
        "Principal": {"Service": "logs.amazonaws.com"},
        "Action": "*",
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "*"}},
    }

    found = verdict(GET, allow("s3:*"), resource_policy={"Statement": [logs]}, owner=ACCOUNT)
    assert found.decision == ALLOWED

    doubtful = {**logs, "Sid": "Ours", "Principal": "*", "Effect": "Deny"}
    found = verdict(GET, allow("s3:*"), resource_policy={"Statement": [logs, doubtful]}, owner=ACCOUNT)
    assert found.reason.startswith("statement Ours depends on kms:EncryptionContext")


def test_a_bucket_that_wants_tls_has_it_on_aws():
    policy = bucket_policy(Action="s3:*", Resource="*", Condition={"Bool": {"aws:SecureTransport": "false"}})

    assert verdict(GET, allow("s3:*"), resource_policy=policy, owner=ACCOUNT).decision == ALLOWED


@pytest.mark.parametrize(("headers", "decision"), [({"if-none-match": "*"}, ALLOWED), ({}, DENIED)])
def test_a_seal_is_written_only_where_none_is(headers, decision):
    (call, *_) = asked(Request("s3", "PUT", "/lake/seals/1.json", headers, b"", {}), PLACE)
    policy = bucket_policy(Action="s3:PutObject", Resource="*", Condition={"Null": {"s3:if-none-match": "true"}})

    assert verdict(call, allow("s3:*"), resource_policy=policy, owner=ACCOUNT).decision == decision


@pytest.mark.parametrize(("principal", "decision"), [(f"arn:aws:iam::{ACCOUNT}:root", ALLOWED), (f"{ROLE}2", DENIED)])
def test_a_key_must_let_the_account_decide_or_name_the_role(principal, decision):
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    policy = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"}]}

    found = verdict(Call("kms:Decrypt", key), allow("kms:Decrypt", key), resource_policy=policy, owner=ACCOUNT)

    assert found.decision == decision


@pytest.mark.parametrize(("rule", "decision"), [("approved", ALLOWED), ("other", DENIED)])
def test_a_service_without_a_role_needs_the_policy_of_what_it_touches(rule, decision):
    queue, rules = arn("sqs", "approvals"), arn("events", "rule")
    policy = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": [f"{rules}/approved"]}},
        }
    }
    call = Call("sqs:SendMessage", queue, (("aws:SourceArn", f"{rules}/{rule}"),))

    assert judged_for_service("events.amazonaws.com", call, REGION, policy, ACCOUNT).decision == decision
    assert judged_for_service("sns.amazonaws.com", call, REGION, policy, ACCOUNT).decision == DENIED
    assert "lets events.amazonaws.com do it" in Judge(REGION).verdict("events.amazonaws.com", call).reason


def test_a_boundary_narrows_what_a_policy_allows():
    policies = Policies(
        parse_policy_document({"Statement": [allow("s3:*")]}),
        parse_policy_document({"Statement": [allow("s3:GetObject")]}),
    )

    assert judged(ROLE, GET, policies, REGION).decision == ALLOWED
    assert judged(ROLE, GET._replace(action="s3:PutObject"), policies, REGION).decision == DENIED


def target(service: str, name: str, **members) -> Request:
    return Request.operation(service, name, members)


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            target("glue", "GetTable", DatabaseName="gold", Name="t"),
            [("glue:GetTable", arn("glue", r)) for r in ("catalog", "database/gold", "table/gold/t")],
        ),
        (
            target("glue", "GetDatabase", Name="gold"),
            [("glue:GetDatabase", arn("glue", r)) for r in ("catalog", "database/gold")],
        ),
        (target("glue", "StartJobRun", JobName="j"), [("glue:StartJobRun", arn("glue", "job/j"))]),
        (target("glue", "StartCrawler", Name="c"), [("glue:StartCrawler", arn("glue", "crawler/c"))]),
        (
            target("ssm", "GetParameters", Names=["/a/b", "c"]),
            [("ssm:GetParameters", arn("ssm", f"parameter/{name}")) for name in ("a/b", "c")],
        ),
        (
            target("logs", "PutLogEvents", logGroupName="/g", logStreamName="s"),
            [("logs:PutLogEvents", arn("logs", "log-group:/g:log-stream:s"))],
        ),
        (
            target("sagemaker", "DescribeTrainingJob", TrainingJobName="t"),
            [("sagemaker:DescribeTrainingJob", arn("sagemaker", "training-job/t"))],
        ),
        (
            target("sagemaker", "StartPipelineExecution", PipelineName="p"),
            [("sagemaker:StartPipelineExecution", arn("sagemaker", "pipeline/p"))],
        ),
        (
            target("sagemaker", "UpdateEndpoint", EndpointName="e", EndpointConfigName="c"),
            [("sagemaker:UpdateEndpoint", arn("sagemaker", r)) for r in ("endpoint/e", "endpoint-config/c")],
        ),
        (
            Request("sagemaker", "POST", "/endpoints/fraud/invocations", {}, b"x", {}),
            [("sagemaker:InvokeEndpoint", arn("sagemaker", "endpoint/fraud"))],
        ),
        (
            Request("sagemaker", "PUT", "/FeatureGroup/traffic", {}, b"{}", {}),
            [("sagemaker:PutRecord", arn("sagemaker", "feature-group/traffic"))],
        ),
        (
            Request("sagemaker", "POST", "/BatchGetRecord", {}, b'{"Identifiers": [{"FeatureGroupName": "a"}]}', {}),
            [("sagemaker:BatchGetRecord", arn("sagemaker", "feature-group/a"))],
        ),
        (target("kinesis", "PutRecords", StreamName="s"), [("kinesis:PutRecords", arn("kinesis", "stream/s"))]),
        (
            target("sns", "PublishBatch", TopicArn=arn("sns", "alarms")),
            [("sns:Publish", arn("sns", "alarms"))],
        ),
        (target("athena", "StartQueryExecution"), [("athena:StartQueryExecution", arn("athena", "workgroup/primary"))]),
        (Request("s3", "GET", "/lake/raw/a:b.csv", {}, b"", {}), [("s3:GetObject", f"{LAKE}/raw/a:b.csv")]),
        (Request("s3", "PUT", "/lake/gold/", {}, b"", {}), [("s3:PutObject", f"{LAKE}/gold/")]),
        (Request("s3", "GET", "/lake/", {}, b"", {}), [("s3:ListBucket", LAKE)]),
        (target("sts", "GetCallerIdentity"), []),
        (
            target("ecr", "DescribeImages", repositoryName="r"),
            [("ecr:DescribeImages", arn("ecr", "repository/r"))],
        ),
        (target("ecr", "GetAuthorizationToken"), [("ecr:GetAuthorizationToken", "")]),
    ],
    ids=lambda value: value.name or value.path if isinstance(value, Request) else "",
)
def test_a_request_asks_for_actions_on_the_resources_that_aws_looks_at(request_, expected):
    assert [(call.action, call.resource) for call in asked(request_, PLACE)] == expected


def test_a_long_body_is_not_read_as_json_and_its_stream_is_found_all_the_same():
    request = target("kinesis", "PutRecords")
    request.body = b'{"Records": [{"Data": "' + b"x" * 20_000 + b'"}], "StreamName": "s", and this is no JSON'

    (call,) = asked(request, PLACE)

    assert call.resource == arn("kinesis", "stream/s")


def test_whoever_hands_a_role_to_a_service_is_asked_whether_it_may_pass_it():
    *_, passed = asked(target("sagemaker", "CreateTrainingJob", TrainingJobName="t", RoleArn=ROLE), PLACE)

    assert passed == Call("iam:PassRole", ROLE, (("iam:PassedToService", "sagemaker.amazonaws.com"),))


def test_the_namespace_of_metrics_is_what_conditions_look_at():
    (call,) = asked(target("monitoring", "PutMetricData", Namespace="Risk", MetricData=[]), PLACE)

    assert call == Call("cloudwatch:PutMetricData", "*", (("cloudwatch:namespace", "Risk"),))


class Counting:
    """A judge that allows, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, role: str, call: Call) -> Verdict:
        self.asked += 1
        return Verdict(ALLOWED, "", (Grant("s3:*", "*"),))


def test_a_call_is_judged_once_until_a_policy_changes():
    judge = Counting()
    ledger = Ledger(judge)

    for _ in range(3):
        ledger.note(ROLE, [GET])
    ledger.forget()
    ledger.note(ROLE, [GET])

    assert judge.asked == 2
    assert [seen.count for seen in ledger.seen.values()] == [4]


def test_however_many_objects_are_read_the_record_stays_small_and_the_count_right():
    ledger = Ledger(Counting())

    ledger.note(ROLE, [Call("s3:GetObject", f"{LAKE}/{number}") for number in range(RESOURCES + 5)])

    (seen,) = ledger.seen.values()
    assert (seen.count, len(seen.resources), seen.further) == (RESOURCES + 5, RESOURCES, 5)


def test_a_ledger_goes_on_where_an_earlier_one_has_ended():
    first, second = Ledger(Counting()), Ledger(Counting())
    first.note(ROLE, [GET])

    second.load(json.loads(json.dumps(first.dump())))
    assert second.used == {ROLE: {Grant("s3:*", "*")}}

    second.note(ROLE, [GET])
    assert second.dump()["calls"][0]["count"] == 2


def test_the_report_names_what_is_denied_what_nobody_used_and_what_was_not_judged():
    def judge(role: str, call: Call) -> Verdict:
        return verdict(call, allow("s3:GetObject", f"{LAKE}/*"), allow("s3:PutObject", f"{LAKE}/*", sid="Write"))

    ledger = Ledger(judge)
    put = Call("s3:PutObject", "arn:aws:s3:::other/x")
    ledger.note(ROLE, [GET, GET, put])
    granted = {ROLE: [Grant("s3:GetObject", f"{LAKE}/*"), Grant("s3:PutObject", f"{LAKE}/*")]}

    made = report.made(ledger, granted)

    assert made["summary"] == "IAM: 2 distinct calls of 1 roles, 1 denied, 1 permissions never used, 0 not judged"
    assert [(call["action"], call["count"]) for call in made["denied"]] == [("s3:PutObject", 1)]
    assert made["unused"] == [{"role": ROLE, "action": "s3:PutObject", "resource": f"{LAKE}/*"}]
    shown = report.text(made)
    assert "risk-etl  s3:PutObject  1 times: statement Write allows it on arn:aws:s3:::lake/* only" in shown
    assert "arn:aws:s3:::other/x" in shown


@pytest.mark.parametrize(
    ("service", "method", "path", "target", "body"),
    [
        ("iam", "POST", "/", "", b"Action=PutRolePolicy&RoleName=r"),
        ("kms", "POST", "/", "TrentService.PutKeyPolicy", b"{}"),
        ("kinesis", "POST", "/", "Kinesis_20131202.PutResourcePolicy", b"{}"),
        ("secretsmanager", "POST", "/", "secretsmanager.DeleteResourcePolicy", b"{}"),
        ("lambda", "POST", "/2015-03-31/functions/f/policy", "", b"{}"),
        ("lambda", "DELETE", "/2015-03-31/functions/f/policy/s", "", b""),
        ("sqs", "POST", "/", "AmazonSQS.AddPermission", b"{}"),
        ("sqs", "POST", "/", "AmazonSQS.CreateQueue", b"{}"),
        ("sns", "POST", "/", "", b"Action=RemovePermission&TopicArn=t"),
    ],
)
def test_verdicts_are_forgotten_when_a_policy_may_have_changed(service, method, path, target, body):
    assert service in iam_calls.CHANGING
    assert iam_calls._changes(service, method, path, {"x-amz-target": target}, body, {})


@pytest.mark.parametrize(
    ("service", "path", "target", "body"),
    [
        ("iam", "/", "", b"Action=GetRole&RoleName=r"),
        ("kinesis", "/", "Kinesis_20131202.PutRecords", b"{}"),
        ("kinesis", "/", "Kinesis_20131202.GetResourcePolicy", b"{}"),
        ("lambda", "/2015-03-31/functions/f/invocations", "", b"{}"),
        ("sqs", "/", "AmazonSQS.SendMessage", b"{}"),
        ("sns", "/", "", b"Action=Publish&Message=Action%3DCreateTopic"),
    ],
)
def test_other_requests_leave_verdicts_as_they_are(service, path, target, body):
    assert not iam_calls._changes(service, "POST", path, {"x-amz-target": target}, body, {})


def test_a_call_that_cannot_be_recorded_is_counted(monkeypatch):
    def unjudged(role, call):
        raise RuntimeError("as asked")

    monkeypatch.setattr(recorder, "_ledger", Ledger(unjudged))
    monkeypatch.setattr(recorder, "_not_recorded", 0)
    recorder.note("arn:aws:iam::000000000000:role/r", [Call("s3:GetObject", "arn:aws:s3:::b/k")])
    assert recorder.made()["not_recorded"] == 1


def test_a_verdict_by_a_policy_that_has_changed_meanwhile_is_not_remembered():
    decisions = iter(["denied", "allowed"])

    def judge(role, call):
        decision = next(decisions)
        if decision == "denied":
            ledger.forget()  # the policy changes while the old one is read
        return Verdict(decision)

    ledger = Ledger(judge)
    for _ in range(3):
        ledger.note("role", [Call("s3:GetObject", "arn:aws:s3:::b/k")])
    assert {kind.decision: seen.count for kind, seen in ledger.seen.items()} == {"denied": 1, "allowed": 2}
