"""A role is for whoever its trust policy names: AWS refuses a function or a state machine that it cannot assume it for.

The account of what is made is compared with `aws:SourceAccount`; other conditions are taken as met. What the role then
may do is not looked at here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.core.responses import error_response_json, get_account_id
from ministack.services import glue, iam, lambda_svc, scheduler, stepfunctions

from local.settings import Settings

HOOKS = {
    "ministack.core.iam_evaluator._conditions_met": (
        "(conditions: dict, ctx: ministack.core.iam_evaluator.EvalContext) -> bool"
    ),
    "ministack.core.responses.get_account_id": "() -> str",
    "ministack.services.glue._create_crawler": "(data)",
    "ministack.services.glue._create_job": "(data)",
    "ministack.services.glue._start_job_run": "(data)",
    "ministack.services.iam._roles": None,
    "ministack.services.lambda_svc._create_function": "(data: dict)",
    "ministack.services.lambda_svc._update_config": "(name: str, data: dict)",
    "ministack.services.scheduler._create_schedule": "(name, body)",
    "ministack.services.scheduler._error": "(status, code, message)",
    "ministack.services.stepfunctions._create_state_machine": "(data)",
}

SOURCE = "aws:sourceaccount"


def install(settings: Settings) -> None:
    lambda_svc._create_function = _checking(
        lambda_svc._create_function,
        "lambda.amazonaws.com",
        "Role",
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )
    glue._create_job = _checking(
        glue._create_job,
        "glue.amazonaws.com",
        "Role",
        "InvalidInputException",
        "Role {role} should be given assume role permissions for Glue Service.",
    )
    glue._create_crawler = _checking(
        glue._create_crawler,
        "glue.amazonaws.com",
        "Role",
        "InvalidInputException",
        "Service is unable to assume provided role {role}. Please verify role's TrustPolicy.",
    )
    stepfunctions._create_state_machine = _checking(
        stepfunctions._create_state_machine,
        "states.amazonaws.com",
        "roleArn",
        "AccessDeniedException",
        "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the "
        "provided role.",
    )
    scheduler._create_schedule = _checking_target(scheduler._create_schedule)


def trusts(policy: Mapping[str, Any], service: str) -> bool:
    """Whether a trust policy lets the service assume the role for something of this account."""
    statements = policy.get("Statement") or []
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        actions, principal = statement.get("Action") or [], statement.get("Principal") or {}
        actions = [actions] if isinstance(actions, str) else actions
        named = "*" if principal == "*" else principal.get("Service") or []
        named = [named] if isinstance(named, str) else named
        allows = statement.get("Effect") == "Allow" and bool({"sts:AssumeRole", "sts:*", "*"} & set(actions))
        if allows and {service, "*"} & set(named) and _of_this_account(statement.get("Condition") or {}, service):
            return True
    return False


def _of_this_account(conditions: Mapping[str, Any], service: str) -> bool:
    account = get_account_id()
    asked = EvalContext(service, "Service", account, "sts:AssumeRole", "*", "", service_context={SOURCE: account})
    known = {
        operator: {key: value for key, value in block.items() if key.lower() == SOURCE}
        for operator, block in conditions.items()
    }
    return iam_evaluator._conditions_met(known, asked)


def trusted_by(role: Mapping[str, Any], service: str) -> bool:
    """Whether a role as IAM keeps it lets the service assume it."""
    policy = role.get("AssumeRolePolicyDocument") or "{}"
    return trusts(json.loads(policy) if isinstance(policy, str) else policy, service)


def _untrusted(role: str, service: str) -> bool:
    """Whether the role is there and does not trust the service."""
    found = iam._roles.get(role.rsplit("/", 1)[-1]) if role else None
    # A role that is not there is left to MiniStack, and to tests that need none.
    return found is not None and not trusted_by(found, service)


def _checking(do: Any, service: str, member: str, code: str, message: str) -> Any:
    def do_when_trusted(data: dict) -> Any:
        role = data.get(member) or ""
        if _untrusted(role, service):
            said = f"{message.format(role=role)} Its trust policy does not name {service}."
            return error_response_json(code, said, 400)
        return do(data)

    return do_when_trusted


def _checking_target(do: Any) -> Any:
    def create_schedule(name: str, body: dict) -> Any:
        if _untrusted((body.get("Target") or {}).get("RoleArn") or "", "scheduler.amazonaws.com"):
            said = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
            return scheduler._error(400, "ValidationException", said)
        return do(name, body)

    return create_schedule
