"""Wildcards stand only in the argued list or behind a name of the platform's own."""

from __future__ import annotations

import pytest

from tests.unit.guard.pieces import allow, change, plan, policy, said
from tools.guard import wildcards
from tools.guard.argued import ARGUED, Argued

METRICS = "cloudwatch:PutMetricData"


def found(*statements, kind="aws_iam_role_policy"):
    field = "assume_role_policy" if kind == "aws_iam_role" else "policy"
    return said(wildcards.findings(plan(change(f"{kind}.this", {field: policy(*statements)}))))


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:s3:::risk-dev-lake-111122223333/gold/*",
        "arn:aws:glue:eu-west-1:111122223333:table/risk_dev_*",
        "arn:aws:ssm:eu-west-1:111122223333:parameter/risk-dev/*",
        "arn:aws:sqs:eu-west-1:111122223333:any",
    ],
)
def test_a_wildcard_behind_a_name_of_the_platform_passes(resource):
    assert found(allow("s3:GetObject", resource)) == []


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::*-risk-dev",
        "arn:aws:s3:::risk-prod-lake/*",
        "arn:aws:s3:::????",
        "arn:aws:glue:eu-west-1:111122223333:table/*",
    ],
)
def test_a_wildcard_before_any_name_of_the_platform_does_not_pass(resource):
    (finding,) = found(allow("s3:GetObject", resource, Sid="Read"))

    assert finding.startswith(f"aws_iam_role_policy.this: statement Read allows s3:GetObject on {resource}: ")


@pytest.mark.parametrize("action", ["*", "s3:*", "s3:Get*"])
def test_an_action_with_a_wildcard_does_not_pass_whatever_it_is_about(action):
    assert len(found(allow(action, "arn:aws:s3:::risk-dev-lake/*"))) == 1


@pytest.mark.parametrize("field", ["NotAction", "NotResource"])
def test_all_but_something_does_not_pass(field):
    statement = allow("s3:GetObject", "arn:aws:s3:::risk-dev-lake/*") | {field: "x"}

    assert len(found(statement)) == 1


def test_what_is_argued_passes_only_with_the_condition_that_it_is_argued_with():
    bound = {"StringEquals": {"cloudwatch:namespace": "Risk"}}

    assert found(allow(METRICS, "*", Condition=bound)) == []
    assert len(found(allow(METRICS, "*"))) == 1
    assert len(found(allow([METRICS, "cloudwatch:GetMetricData"], "*", Condition=bound))) == 1


def test_a_jobs_interfaces_are_lent_only_where_their_subnet_is_named():
    interfaces = "arn:aws:ec2:eu-west-1:111122223333:network-interface/*"
    subnet = {"StringLike": {"ec2:Subnet": "arn:aws:ec2:eu-west-1:111122223333:subnet/subnet-1"}}
    lends = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission"]

    assert found(allow(lends, interfaces, Condition=subnet)) == []
    assert len(found(allow(lends, interfaces))) == len(lends)
    assert len(found(allow("ec2:ModifyNetworkInterfaceAttribute", interfaces, Condition=subnet))) == 1


def test_what_is_argued_for_one_policy_passes_in_no_other():
    argued = (Argued(("sqs:List*",), "*", "lists have no ARN", only="aws_iam_role_policy.builder"),)
    document = {"policy": policy(allow("sqs:List*", "*"))}

    def judged(name):
        return said(wildcards.findings(plan(change(f"aws_iam_role_policy.{name}", document)), argued))

    assert judged("builder") == []
    assert len(judged("reader")) == 1


def test_what_is_argued_for_named_resources_passes_on_no_other():
    argued = (Argued(("sqs:*",), "*", "what will be built is not known", named=True),)

    def judged(resource):
        document = {"policy": policy(allow("sqs:*", resource))}
        return said(wildcards.findings(plan(change("aws_iam_role_policy.this", document)), argued))

    assert judged("arn:aws:sqs:eu-west-1:111122223333:risk-dev-*") == []
    assert len(judged("*")) == len(judged("arn:aws:sqs:eu-west-1:111122223333:*")) == 1


def test_a_denial_may_be_as_wide_as_it_likes():
    assert found({"Effect": "Deny", "NotAction": "*", "Action": "*", "Resource": "*"}) == []


def test_a_keys_own_policy_may_mean_that_key_and_a_roles_may_not_mean_every_key():
    account = allow("kms:*", "*", Principal={"AWS": "arn:aws:iam::111122223333:root"})

    assert found(account, kind="aws_kms_key") == []
    assert len(found(allow("kms:Decrypt", "*"))) == 1


def test_a_trust_document_has_no_resource_and_needs_none():
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}

    assert found(trust, kind="aws_iam_role") == []


def test_a_single_statement_need_not_stand_in_a_list():
    document = '{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}'

    assert len(said(wildcards.findings(plan(change("aws_iam_policy.this", {"policy": document}))))) == 1


def test_a_policy_that_only_the_apply_will_tell_is_not_judged():
    unknown = change("aws_iam_role_policy.this", {}, unknown={"policy": True})

    assert said(wildcards.findings(plan(unknown))) == []


API = "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3"


@pytest.mark.parametrize("path", ["GET/v1/cases/*", "POST/v1/cases/*/reassign"])
def test_a_route_may_leave_a_cases_identifier_open(path):
    """Once the API is there its id is known, and with it the whole resource: the first plan does not show it."""
    assert found(allow("execute-api:Invoke", f"{API}/$default/{path}")) == []


@pytest.mark.parametrize(
    "resource",
    [
        f"{API}/*",
        f"{API}/$default/*/v1/cases/*",
        f"{API}/$default/POST/v1/cases/*/*",
        f"{API}/$default/POST/*",
        "arn:aws:execute-api:eu-west-1:111122223333:*/$default/GET/v1/cases/*",
    ],
)
def test_a_route_leaves_nothing_else_open(resource):
    assert len(found(allow("execute-api:Invoke", resource))) == 1


@pytest.mark.parametrize("entry", ARGUED, ids=lambda entry: f"{entry.actions[0]} on {entry.resource}")
def test_every_argued_wildcard_says_why_and_names_its_actions(entry):
    assert len(entry.why.split()) >= 4
    assert not entry.own or all(action.startswith("kms:") for action in entry.actions)
    assert entry.own or entry.only or not any("*" in action for action in entry.actions)


def test_no_wildcard_is_argued_for_twice():
    pairs = [(action, entry.resource, entry.own, entry.only) for entry in ARGUED for action in entry.actions]

    assert len(pairs) == len(set(pairs))
