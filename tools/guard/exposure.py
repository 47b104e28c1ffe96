"""Nothing is open to anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.guard.keys import companions
from tools.guard.plan import UNKNOWN, Finding, Plan
from tools.guard.policies import RESOURCE, statements

BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
# A condition on one of these says who: `Principal: *` with it is not anybody.
WHO = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourcevpce",
    "kms:calleraccount",
}
EVERYWHERE = {"0.0.0.0/0", "::/0"}
# AWS names no condition for the role that a trail writes its log with, and makes no trail whose role it cannot take.
UNCONDITIONED = {"cloudtrail.amazonaws.com"}


def findings(plan: Plan) -> Iterator[Finding]:
    for bucket in plan.resources("aws_s3_bucket"):
        blocks = companions(plan, bucket, "aws_s3_bucket_public_access_block")
        if not any(all(block.one(name) is True for name in BLOCKS) for block in blocks):
            yield Finding(
                bucket.address, "may become public: declare aws_s3_bucket_public_access_block with all four on"
            )
    for statement in statements(plan, RESOURCE):
        if statement.allows and statement.anybody() and not statement.conditions() & WHO:
            yield Finding(
                statement.resource.address, f"{statement.name} allows anybody: name a principal or its account"
            )
        if statement.allows and any("oidc-provider/" in name for name in statement.federated()):
            subjects = statement.compared(":sub")
            if (
                not subjects
                or any(re.search("[*?]", subject) for subject in subjects)
                or not statement.compared(":aud")
            ):
                yield Finding(
                    statement.resource.address,
                    f"{statement.name} trusts more than one subject's token: compare :aud, and :sub without a wildcard",
                )
    for statement in statements(plan, {"aws_iam_role": RESOURCE["aws_iam_role"]}):
        borrowers = set(statement.services()) - UNCONDITIONED
        if statement.allows and borrowers and not statement.conditions() & {"aws:sourceaccount", "aws:sourcearn"}:
            yield Finding(
                statement.resource.address,
                f"{', '.join(sorted(borrowers))} may take it for any account: compare aws:SourceAccount",
            )
    for grant in plan.resources("aws_lambda_permission"):
        if grant.one("principal") == "*" and not grant.one("source_arn") and not grant.one("principal_org_id"):
            yield Finding(grant.address, "lets anybody call the function: name the service and source_arn")
        if str(grant.one("principal")).endswith(".amazonaws.com") and not (
            grant.one("source_arn") or grant.one("source_account")
        ):
            yield Finding(grant.address, "lets the service call for any account: add source_arn")
    for door in plan.resources("aws_lambda_function_url"):
        if door.one("authorization_type") == "NONE":
            yield Finding(door.address, "answers anybody: authorization_type must be AWS_IAM")
    for route in plan.resources("aws_apigatewayv2_route"):
        if route.one("authorization_type") in (None, "NONE"):
            yield Finding(route.address, "answers anybody: give it an authorization_type")
    for group in plan.resources("aws_security_group"):
        if EVERYWHERE & {
            block for at in ("cidr_blocks", "ipv6_cidr_blocks") for block in _ranges(group.at(f"ingress[].{at}"))
        }:
            yield Finding(group.address, "lets the whole internet in: name the range or the group")
    for rule in plan.resources("aws_vpc_security_group_ingress_rule"):
        if EVERYWHERE & {rule.one("cidr_ipv4"), rule.one("cidr_ipv6")}:
            yield Finding(rule.address, "lets the whole internet in: name the range or the group")


def _ranges(found: list) -> Iterator[str]:
    for ranges in found:
        if ranges is not UNKNOWN:
            yield from ranges or []
