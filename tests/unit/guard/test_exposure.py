"""Nothing is open to anybody."""

from __future__ import annotations

import pytest

from tests.unit.guard.pieces import allow, change, plan, policy, said
from tools.guard import exposure

BLOCK = "aws_s3_bucket_public_access_block"
CLOSED = dict.fromkeys(exposure.BLOCKS, True) | {"bucket": "lake"}


def found(*changes):
    return said(exposure.findings(plan(*changes)))


def test_a_bucket_with_all_four_blocks_passes():
    assert found(change("aws_s3_bucket.this", {"bucket": "lake"}), change(f"{BLOCK}.this", CLOSED)) == []


@pytest.mark.parametrize("name", exposure.BLOCKS)
def test_a_bucket_that_lacks_one_block_does_not_pass(name):
    open_ = CLOSED | {name: False}

    assert len(found(change("aws_s3_bucket.this", {"bucket": "lake"}), change(f"{BLOCK}.this", open_))) == 1


def test_a_bucket_without_blocks_does_not_pass():
    assert len(found(change("aws_s3_bucket.this", {"bucket": "lake"}))) == 1


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["arn:aws:iam::1:root", "*"]}])
def test_a_statement_that_allows_anybody_does_not_pass(principal):
    document = policy(allow("sqs:SendMessage", "*", Principal=principal, Sid="Open"))

    (finding,) = found(change("aws_sqs_queue_policy.this", {"policy": document}))

    assert finding == ("aws_sqs_queue_policy.this: statement Open allows anybody: name a principal or its account")


@pytest.mark.parametrize(
    "more",
    [
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Principal": "*", "Effect": "Deny"},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}},
    ],
)
def test_a_statement_that_names_somebody_or_forbids_passes(more):
    document = policy(allow("s3:GetObject", "*") | more)

    assert found(change("aws_s3_bucket_policy.this", {"policy": document})) == []


def test_a_condition_that_names_nobody_is_not_enough():
    document = policy(allow("s3:GetObject", "*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "true"}}))

    assert len(found(change("aws_s3_bucket_policy.this", {"policy": document}))) == 1


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("aws_lambda_permission.this", {"principal": "*"}),
        ("aws_lambda_permission.this", {"principal": "apigateway.amazonaws.com"}),
        ("aws_lambda_function_url.this", {"authorization_type": "NONE"}),
        ("aws_apigatewayv2_route.this", {"authorization_type": "NONE"}),
        ("aws_apigatewayv2_route.this", {}),
        ("aws_security_group.this", {"ingress": [{"cidr_blocks": ["10.0.0.0/8", "0.0.0.0/0"]}]}),
        ("aws_security_group.this", {"ingress": [{"ipv6_cidr_blocks": ["::/0"]}]}),
        ("aws_vpc_security_group_ingress_rule.this", {"cidr_ipv4": "0.0.0.0/0"}),
    ],
)
def test_an_open_door_does_not_pass(address, values):
    assert len(found(change(address, values))) == 1


@pytest.mark.parametrize(
    ("address", "values"),
    [
        ("aws_lambda_permission.this", {"principal": "apigateway.amazonaws.com", "source_arn": "arn"}),
        ("aws_lambda_function_url.this", {"authorization_type": "AWS_IAM"}),
        ("aws_apigatewayv2_route.this", {"authorization_type": "AWS_IAM"}),
        ("aws_security_group.this", {"ingress": [{"cidr_blocks": ["10.0.0.0/8"]}]}),
        ("aws_security_group.this", {"ingress": []}),
        ("aws_vpc_security_group_ingress_rule.this", {"referenced_security_group_id": "sg-1"}),
    ],
)
def test_a_door_that_asks_who_is_there_passes(address, values):
    assert found(change(address, values)) == []


def test_a_source_that_the_apply_will_tell_is_a_source():
    grant = change("aws_lambda_permission.this", {"principal": "s3.amazonaws.com"}, unknown={"source_arn": True})

    assert found(grant) == []


GITHUB = "token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": "repo:a/b:environment:dev"}}, 0),
        ({"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": ["repo:a/b:environment:dev"]}}, 0),
        ({"StringLike": {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:sub": "repo:a/b:*"}}, 1),
        ({"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}, 1),
        ({"StringEquals": {f"{GITHUB}:sub": "repo:a/b:environment:dev"}}, 1),
        ({}, 1),
    ],
)
def test_a_role_for_another_systems_tokens_trusts_one_subject(conditions, count):
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{GITHUB}"},
        "Condition": conditions,
    }

    assert len(found(change("aws_iam_role.this", {"assume_role_policy": policy(trust)}))) == count


@pytest.mark.parametrize(
    ("service", "condition", "count"),
    [
        ("lambda.amazonaws.com", {}, 1),
        (["glue.amazonaws.com", "lambda.amazonaws.com"], {"Bool": {"aws:SecureTransport": "true"}}, 1),
        ("lambda.amazonaws.com", {"StringEquals": {"aws:SourceAccount": "111122223333"}}, 0),
        ("states.amazonaws.com", {"ArnLike": {"aws:SourceArn": "arn:aws:states:eu-west-1:111122223333:*"}}, 0),
        ("cloudtrail.amazonaws.com", {}, 0),
    ],
)
def test_a_service_takes_a_role_for_its_own_account_only(service, condition, count):
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    trust |= {"Condition": condition} if condition else {}

    assert len(found(change("aws_iam_role.this", {"assume_role_policy": policy(trust)}))) == count
