"""What is refused, in whose words, and what goes on all the same."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ministack.core.iam_evaluator import parse_policy_document
from ministack.services import dynamodb, iam, kms

from local.permissions import denied, recorder, roles
from local.permissions.calls import Call, Place, Request, asked
from local.permissions.denied import AccessDenied
from local.permissions.ledger import Ledger, Refusal
from local.permissions.verdicts import ALLOWED, DENIED, NOT_JUDGED, Policies, Verdict, judged
from local.plugins import iam_calls
from local.plugins.state_machine_tasks import REFUSED

ACCOUNT, REGION = "000000000000", "eu-west-1"
PLACE = Place(REGION, ACCOUNT)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/risk-etl"
OBJECT = "arn:aws:s3:::lake/raw/a"
GET = Call("s3:GetObject", OBJECT)
WHO = f"arn:aws:sts::{ACCOUNT}:assumed-role/risk-etl/service"


def allow(actions, resources="*", effect="Allow") -> dict:
    return {"Effect": effect, "Action": actions, "Resource": resources}


def parsed(*statements: dict) -> list:
    return parse_policy_document({"Statement": list(statements)})


def because(call: Call, *statements: dict, boundary=None, **resource) -> str:
    found = judged(ROLE, call, Policies(parsed(*statements), boundary), REGION, **resource)
    assert found.decision != ALLOWED
    return found.because


def test_the_reason_is_the_kind_of_policy_that_does_not_allow_it_as_aws_words_it():
    action = "the s3:GetObject action"
    refusing = {"Statement": [{**allow("s3:*", effect="Deny"), "Principal": "*"}]}
    key = Call("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1")

    assert because(GET) == f"because no identity-based policy allows {action}"
    assert because(GET, allow("s3:*"), boundary=[]) == f"because no permissions boundary allows {action}"
    assert because(GET, allow("*"), allow("s3:*", effect="Deny")) == "with an explicit deny in an identity-based policy"
    boundary = parsed(allow("*"), allow("s3:*", effect="Deny"))
    assert because(GET, allow("*"), boundary=boundary) == "with an explicit deny in a permissions boundary"
    told = because(GET, allow("*"), resource_policy=refusing, owner=ACCOUNT)
    assert told == "with an explicit deny in a resource-based policy"
    told = because(key, allow("*"), resource_policy={"Statement": []}, owner=ACCOUNT)
    assert told == "because no resource-based policy allows the kms:Decrypt action"


def test_the_sentence_names_the_session_the_action_and_the_resource():
    said = denied.message(WHO, Refusal(GET, "because no identity-based policy allows the s3:GetObject action"))

    assert said == (
        f"User: {WHO} is not authorized to perform: s3:GetObject on resource: {OBJECT} "
        "because no identity-based policy allows the s3:GetObject action"
    )


@pytest.mark.parametrize(
    ("call", "statements", "decision"),
    [
        (Call("glue:GetCrawlers", ""), [allow("glue:*")], ALLOWED),
        (Call("glue:GetCrawlers", ""), [allow("glue:*", "arn:aws:glue:*:*:crawler/*")], NOT_JUDGED),
        (Call("glue:GetCrawlers", ""), [allow("*"), allow("glue:*", "arn:x", effect="Deny")], NOT_JUDGED),
        (Call("", OBJECT), [allow("*")], ALLOWED),
        (Call("", OBJECT), [allow("s3:*")], NOT_JUDGED),
        (Call("", OBJECT), [allow("*"), allow("iam:*", effect="Deny")], NOT_JUDGED),
        (Call("", ""), [], NOT_JUDGED),
    ],
)
def test_of_what_is_not_known_only_who_may_do_all_of_it_may_do_it(call, statements, decision):
    assert judged(ROLE, call, Policies(parsed(*statements)), REGION).decision == decision
    assert judged(ROLE, call, Policies(parsed(*statements), []), REGION).decision == NOT_JUDGED


@pytest.fixture
def ledger(monkeypatch) -> Ledger:
    """One by which the role may put objects and nothing else; permissions are enforced, and the role exists."""

    def judge(role: str, call: Call) -> Verdict:
        return judged(role, call, Policies(parsed(allow("s3:PutObject"))), REGION)

    found = Ledger(judge)
    monkeypatch.setattr(recorder, "_ledger", found)
    monkeypatch.setattr(recorder, "_enforced", True)
    known = SimpleNamespace(get_scoped=lambda account, region, name: {"Arn": ROLE} if name == "risk-etl" else None)
    monkeypatch.setattr(iam, "_roles", known)
    return found


def test_what_a_service_asks_in_a_roles_name_is_refused_with_the_sentence(ledger):
    recorder.asks("s3:PutObject", OBJECT, role=ROLE)

    with pytest.raises(AccessDenied, match=f"User: {WHO} is not authorized to perform: s3:GetObject") as refusal:
        recorder.asks("s3:GetObject", OBJECT, role=ROLE)
    assert refusal.value.call == GET
    assert isinstance(refusal.value, PermissionError)
    with roles.acting_as(ROLE), pytest.raises(AccessDenied):
        recorder.asks("s3:GetObject", OBJECT)


@pytest.mark.parametrize("unknown", [("", OBJECT), ("glue:GetCrawlers", "")])
def test_what_is_not_known_is_refused_like_what_is_denied(ledger, unknown):
    with pytest.raises(AccessDenied, match="because no identity-based policy allows the"):
        recorder.asks(*unknown, role=ROLE)


def test_where_permissions_are_only_recorded_nothing_is_refused(ledger, monkeypatch):
    monkeypatch.setattr(recorder, "_enforced", False)

    recorder.asks("s3:GetObject", OBJECT, role=ROLE)

    assert [kind.decision for kind in ledger.seen] == [DENIED]


def test_a_role_that_iam_does_not_have_and_the_accounts_own_keys_are_free(ledger):
    recorder.asks("s3:GetObject", OBJECT, role=f"{ROLE}2")
    recorder.asks("s3:GetObject", OBJECT)


def test_what_cannot_be_judged_is_refused(ledger, monkeypatch):
    monkeypatch.setattr(ledger, "_judge", lambda role, call: 1 / 0)
    monkeypatch.setattr(recorder, "_not_recorded", 0)

    with pytest.raises(AccessDenied, match="could not be judged"):
        recorder.asks("s3:GetObject", OBJECT, role=ROLE)


def test_what_is_done_again_and_again_is_written_down_when_it_is_refused_only(ledger):
    assert recorder.still_lets("s3:PutObject", OBJECT, ROLE)
    assert not ledger.seen
    assert not recorder.still_lets("s3:GetObject", OBJECT, ROLE)
    assert [kind.action for kind in ledger.seen] == ["s3:GetObject"]


def test_of_several_calls_the_first_that_is_not_allowed_is_the_one_that_is_named(ledger):
    put, delete = Call("s3:PutObject", OBJECT), Call("s3:DeleteObject", OBJECT)

    assert ledger.note(ROLE, [put, GET, delete]).call == GET
    assert ledger.note(ROLE, [put]) is None


@pytest.mark.parametrize(
    ("service", "headers", "status", "begins"),
    [
        ("s3", {}, 403, b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'),
        ("sns", {}, 403, b"<ErrorResponse"),
        ("glue", {"x-amz-target": "AWSGlue.GetTable"}, 403, b'{"__type": "AccessDeniedException"'),
        ("ssm", {"x-amz-target": "AmazonSSM.GetParameter"}, 400, b'{"__type": "AccessDeniedException"'),
        ("monitoring", {}, 403, b"<ErrorResponse"),
        ("monitoring", {"x-amz-target": "GraniteServiceVersion20100801.X"}, 403, b'{"__type": "AccessDeniedException"'),
    ],
)
def test_a_refusal_speaks_the_protocol_of_the_request(service, headers, status, begins):
    refused = Refusal(GET, "because no identity-based policy allows the s3:GetObject action")

    found, _, body = iam_calls.refusal(service, "POST", headers, WHO, refused)

    assert (found, body[: len(begins)]) == (status, begins)
    assert b"is not authorized to perform: s3:GetObject" in body


def test_a_refused_head_has_no_body():
    assert iam_calls.refusal("s3", "HEAD", {}, WHO, Refusal(GET, ""))[2] == b""


def test_the_key_of_a_table_is_asked_for_its_items_and_a_transaction_for_each_of_its_actions(monkeypatch):
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    monkeypatch.setattr(kms, "_resolve_key", lambda name: {"Arn": key} if name == key else None)
    monkeypatch.setattr(dynamodb, "_tables", {"t": {"SSEDescription": {"KMSMasterKeyArn": key}}, "open": {}})
    put = {"Put": {"TableName": "t", "Item": {}}}
    check = {"ConditionCheck": {"TableName": "open", "Key": {}}}

    calls = asked(Request.operation("dynamodb", "TransactWriteItems", {"TransactItems": [put, check]}), PLACE)

    assert [(call.action, call.resource.rpartition("/")[2]) for call in calls] == [
        ("dynamodb:PutItem", "t"),
        ("dynamodb:ConditionCheckItem", "open"),
        ("kms:Decrypt", "1"),
    ]
    assert calls[-1].context == (("kms:ViaService", f"dynamodb.{REGION}.amazonaws.com"),)


def test_an_object_that_names_a_key_of_its_own_asks_that_key(monkeypatch):
    monkeypatch.setattr(kms, "_resolve_key", lambda name: {"Arn": f"arn:of:{name}"} if name else None)
    headers = {"x-amz-server-side-encryption-aws-kms-key-id": "theirs"}

    calls = asked(Request("s3", "PUT", "/lake/gold/a", headers, b"", {}), PLACE)

    assert [(call.action, call.resource) for call in calls][1:] == [("kms:GenerateDataKey", "arn:of:theirs")]


@pytest.mark.parametrize(
    ("request_", "service"),
    [
        (Request.operation("glue", "CreateJob", {"Role": ROLE}), "glue"),
        (Request.operation("states", "UpdateStateMachine", {"roleArn": ROLE}), "states"),
        (Request("lambda", "POST", "/2015-03-31/functions", {}, json.dumps({"Role": ROLE}).encode(), {}), "lambda"),
        (Request.operation("events", "PutTargets", {"Targets": [{"Arn": "a", "RoleArn": ROLE}]}), "events"),
        (Request("scheduler", "POST", "/schedules/s", {}, b'{"Target": {"RoleArn": "%s"}}' % ROLE.encode(), {}), ""),
        (Request("glue", "POST", "/", {"x-amz-target": "AWSGlue.CreateJob"}, f'{{"Role": "{ROLE}"}}', {}), "glue"),
        (Request.operation("sagemaker", "CreateModel", {"ExecutionRoleArn": ROLE}), "sagemaker"),
    ],
    ids=lambda value: value.service if isinstance(value, Request) else "",
)
def test_whoever_hands_a_role_on_must_be_allowed_to_pass_it_to_that_very_service(request_, service):
    service = service or "scheduler"
    (passed,) = [call for call in asked(request_, PLACE) if call.action == "iam:PassRole"]

    def found(to: str) -> str:
        condition = {"StringEquals": {"iam:PassedToService": f"{to}.amazonaws.com"}}
        statement = {**allow("iam:PassRole", ROLE), "Condition": condition}
        return judged(f"{ROLE}-caller", passed, Policies(parsed(statement)), REGION).decision

    assert passed.resource == ROLE
    assert (found(service), found("ec2")) == (ALLOWED, DENIED)


def test_a_refused_task_has_the_error_of_its_services_java_class():
    assert all(name.split(".")[1].endswith("Exception") for name in REFUSED.values())
