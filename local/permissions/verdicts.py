"""Whether a role may make a call, by its policies as Terraform has planned them and by those of the resource.

MiniStack's evaluator decides. It takes a condition whose value it does not know for one that is not met, which would
let a refusal pass, and knows no policy variables. A call is judged with everything that is not known held for the
caller, and with all of it held against; one that comes out differently is not judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext, EvalResult, ParsedStatement
from ministack.services import iam

from local.permissions.calls import Call

HOOKS = {
    "ministack.core.iam_evaluator._action_matches": (
        "(request_action: str, actions: list[str], not_actions: list[str]) -> bool"
    ),
    "ministack.core.iam_evaluator._conditions_met": (
        "(conditions: dict, ctx: ministack.core.iam_evaluator.EvalContext) -> bool"
    ),
    "ministack.core.iam_evaluator._gather_role_policies": None,
    "ministack.core.iam_evaluator._permissions_boundary": None,
    "ministack.core.iam_evaluator._principal_matches": "(principal: Any, caller_arn: str) -> bool",
    "ministack.core.iam_evaluator._resource_matches": (
        "(resource_arn: str, resources: list[str], not_resources: list[str]) -> bool"
    ),
    "ministack.core.iam_evaluator._resource_policy": "(service: str, resource_arn: str) -> tuple | None",
    "ministack.core.iam_evaluator._service_principal_matches": "(principal: Any, service: str) -> bool",
    "ministack.core.iam_evaluator.combine_resource_policy": None,
    "ministack.core.iam_evaluator.evaluate_resource_policy": None,
    "ministack.core.iam_evaluator.evaluate": None,
    "ministack.core.iam_evaluator.fnmatch_iam": "(value: str, pattern: str) -> bool",
    "ministack.core.iam_evaluator.fnmatch_iam_cs": "(value: str, pattern: str) -> bool",
    "ministack.services.iam._roles": None,
}

ALLOWED, DENIED, NOT_JUDGED = "allowed", "denied", "not judged"

# What conditions may look at beside what a call brings: what is known of every call, and what is known to be absent
# from these when they do not bring it.
ALWAYS = frozenset({"aws:principalarn", "aws:principalaccount", "aws:securetransport", "aws:requestedregion"})
TOLD = {
    "s3:prefix": ("s3:ListBucket", "s3:ListBucketVersions"),
    "s3:if-none-match": ("s3:PutObject",),
}
KEY_POLICY_DECIDES = ("kms",)
EVERYTHING = "*"
# Kinds of policies, as AWS's refusals call them.
IDENTITY, BOUNDARY, RESOURCE = "identity-based policy", "permissions boundary", "resource-based policy"


class Grant(NamedTuple):
    """One action on one resource, as a statement writes them."""

    action: str
    resource: str


@dataclass(frozen=True)
class Verdict:
    """What a call is answered, why, which grants let it through, and which statements (by their place) those are.

    `because` is the end of the sentence with which AWS refuses it.
    """

    decision: str
    reason: str = ""
    used: tuple[Grant, ...] = ()
    by: tuple[int, ...] = field(default=(), compare=False)
    because: str = field(default="", compare=False)


@dataclass(frozen=True)
class Policies:
    """What a role has: its policies, and its boundary if there is one."""

    statements: Sequence[ParsedStatement]
    boundary: Sequence[ParsedStatement] | None = None

    @classmethod
    def of(cls, role: str) -> Policies:
        """Those of a role's ARN, now."""
        account, name = role.split(":")[4], role.rpartition("/")[2]
        held = [s for policy in iam_evaluator._gather_role_policies(name, account) for s in policy]
        limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
        return cls(held, [s for limit in limits for policy in limit for s in policy] if limits else None)

    def grants(self) -> Iterator[Grant]:
        for statement in self.statements:
            if statement.effect == "Allow":
                yield from (Grant(a, r) for a in statement.actions for r in statement.resources)


@dataclass
class Judge:
    """Remembers the policies of roles until `forget`: they change seldom, and calls are many."""

    region: str
    _policies: dict[str, Policies] = field(default_factory=dict)

    def forget(self) -> None:
        self._policies = {}  # who reads policies just now remembers them where nobody looks

    def verdict(self, role: str, call: Call) -> Verdict:
        guarding = guard(call)
        if not role.startswith("arn:"):
            return judged_for_service(role, call, self.region, *guarding)
        remembered = self._policies
        policies = remembered.get(role)
        if policies is None:
            policies = remembered[role] = Policies.of(role)
        return judged(role, call, policies, self.region, *guarding)


def guard(call: Call) -> tuple:
    """The policy of what a call is about and the account that owns it, if there is one."""
    return iam_evaluator._resource_policy(call.action.partition(":")[0], call.resource) or ()


def judged(
    role: str,
    call: Call,
    policies: Policies,
    region: str,
    resource_policy: str | Mapping[str, Any] | None = None,
    owner: str | None = None,
) -> Verdict:
    """The verdict on one call; `owner` is the account of the resource whose policy is given."""
    context = {key.lower(): value for key, value in call.context}
    asked = EvalContext(
        principal_arn=role,  # of a session, too: conditions and resource policies name the role
        principal_type="AssumedRole",
        principal_account=role.split(":")[4],
        action=call.action,
        resource_arn=call.resource or EVERYTHING,
        region=region,
        secure_transport=True,  # the platform speaks TLS on AWS
        service_context=context,
    )
    if not call.action or not call.resource:
        return _judged_in_part(call, policies, asked)
    theirs = [dict(s) for s in _statements(resource_policy) if _names(s, role)]
    worst = _decided(policies, theirs, asked, resource_policy is not None, owner, favourable=False)
    if worst.decision == "Allow":
        return _allowed(policies, asked)
    best = _decided(policies, theirs, asked, resource_policy is not None, owner, favourable=True)
    if best.decision == "Allow":
        doubt = _doubt([*policies.statements, *(policies.boundary or ()), *_parsed(theirs)], asked)
        return Verdict(NOT_JUDGED, doubt, because=_not_allowed(IDENTITY, asked))
    if best.decision == "Deny":
        whose, kind = _denying(best, policies, asked)
        reason = f"statement {best.matched_sid or 'without a Sid'} of {whose} denies it"
        return Verdict(DENIED, reason, because=f"with an explicit deny in {kind}")
    reason, kind = _missing(policies, asked)
    return Verdict(DENIED, reason, because=_not_allowed(kind, asked))


def _allowed(policies: Policies, asked: EvalContext) -> Verdict:
    by = tuple(place for place, statement in enumerate(policies.statements) if _allows(statement, asked))
    return Verdict(ALLOWED, "", tuple(_used(policies.statements, asked)), by)


def _judged_in_part(call: Call, policies: Policies, asked: EvalContext) -> Verdict:
    """Of what is not known, only one who may do everything of its kind may do it, and whom nothing is denied."""
    lacks = "the action" if not call.action else "the resource"
    every = [*policies.statements, *(policies.boundary or ())]
    denying = any(s.effect == "Deny" and (not call.action or _is_of(s, asked)) for s in every)
    layers = [[policies.statements]] + ([] if policies.boundary is None else [[policies.boundary]])
    if not denying and iam_evaluator.evaluate(asked, *layers).decision == "Allow":
        return _allowed(policies, asked)
    return Verdict(NOT_JUDGED, f"{lacks} is not known", because=_not_allowed(IDENTITY, asked))


def _not_allowed(kind: str, asked: EvalContext) -> str:
    return f"because no {kind} allows the {asked.action or 'unknown'} action"


def _denying(result: EvalResult, policies: Policies, asked: EvalContext) -> tuple[str, str]:
    """Whose statement denies, in our words and in AWS's."""
    if result.resource_policy_arn:
        return "the resource's policy", "a resource-based policy"
    if any(s.effect == "Deny" and _is_about(s, asked) and _is_met(s, asked) for s in policies.statements):
        return "the role's policy", "an identity-based policy"
    return "the role's boundary", "a permissions boundary"


def _decided(
    policies: Policies,
    theirs: list[dict[str, Any]],
    asked: EvalContext,
    guarded: bool,
    owner: str | None,
    favourable: bool,
) -> EvalResult:
    """What is answered if everything that is not known were for the caller, or all of it against."""
    held = [*_settled(policies.statements, asked, favourable)]
    limits: tuple = () if policies.boundary is None else ([[*_settled(policies.boundary, asked, favourable)]],)
    result = iam_evaluator.evaluate(asked, [held], *limits)
    if not guarded:
        return result
    kept = []
    for raw, parsed in zip(theirs, _parsed(theirs), strict=True):
        if not _unknown(parsed, asked):
            kept.append(raw)
        elif (parsed.effect == "Allow") == favourable:
            kept.append({**raw, "Resource": "*", "Condition": {}})
    required = asked.action.startswith(tuple(f"{name}:" for name in KEY_POLICY_DECIDES))
    return iam_evaluator.combine_resource_policy(
        result, asked, {"Statement": kept}, owner, required=required, limits=limits
    )


def _settled(statements: Iterable[ParsedStatement], asked: EvalContext, favourable: bool) -> Iterator[ParsedStatement]:
    for statement in statements:
        if not _unknown(statement, asked):
            yield statement
        elif (statement.effect == "Allow") == favourable:
            yield replace(statement, resources=["*"], not_resources=[], conditions={})


def _parsed(statements: list[dict[str, Any]]) -> list[ParsedStatement]:
    return iam_evaluator.parse_policy_document({"Statement": statements})


def _doubt(statements: Iterable[ParsedStatement], asked: EvalContext) -> str:
    found = ((statement, _unknown(statement, asked)) for statement in statements)
    statement, unknown = next((s, u) for s, u in found if u)
    return f"{_sid(statement)} depends on {unknown}, which is not known"


def judged_for_service(
    service: str,
    call: Call,
    region: str,
    resource_policy: str | Mapping[str, Any] | None = None,
    owner: str | None = None,
) -> Verdict:
    """The verdict on what a service (``events.amazonaws.com``) does without a role: the resource's policy decides."""
    if not call.action or not call.resource:
        lacks = "the action" if not call.action else "the resource"
        return Verdict(NOT_JUDGED, f"{lacks} is not known", because=f"because no {RESOURCE} allows it")
    account = owner or call.resource.split(":")[4]
    context = {key.lower(): value for key, value in call.context}
    context |= {"aws:sourceaccount": account, "aws:sourceowner": account}
    asked = EvalContext(service, "Service", account, call.action, call.resource, region, service_context=context)
    asked.secure_transport = True
    theirs = [dict(s) for s in _statements(resource_policy) if _names(s, service) or _names_service(s, service)]
    statements = _parsed(theirs)
    if any(_unknown(statement, asked) for statement in statements):
        return Verdict(NOT_JUDGED, _doubt(statements, asked), because=_not_allowed(RESOURCE, asked))
    result = iam_evaluator.evaluate_resource_policy({"Statement": theirs}, asked, service=service)
    if result.decision == "Allow":
        return Verdict(ALLOWED)
    told = " ".join(f"{key} {value}" for key, value in call.context)
    reason = f"expected a policy of the resource that lets {service} do it{told and ' for ' + told}"
    return Verdict(DENIED, reason, because=_not_allowed(RESOURCE, asked))


def _names_service(statement: Mapping[str, Any], service: str) -> bool:
    return iam_evaluator._service_principal_matches(statement.get("Principal", {}), service)


def _statements(policy: str | Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    document = json.loads(policy) if isinstance(policy, str) and policy else policy or {}
    found = document.get("Statement") or [] if isinstance(document, Mapping) else []
    return [found] if isinstance(found, Mapping) else list(found)


def _names(statement: Mapping[str, Any], role: str) -> bool:
    principal = statement.get("Principal", {})
    if isinstance(principal, Mapping):
        principal = {"AWS": principal.get("AWS", [])}
    return iam_evaluator._principal_matches(principal, role)


def _is_of(statement: ParsedStatement, asked: EvalContext) -> bool:
    return iam_evaluator._action_matches(asked.action, statement.actions, statement.not_actions)


def _is_about(statement: ParsedStatement, asked: EvalContext) -> bool:
    return _is_of(statement, asked) and iam_evaluator._resource_matches(
        asked.resource_arn, statement.resources, statement.not_resources
    )


def _is_met(statement: ParsedStatement, asked: EvalContext) -> bool:
    return iam_evaluator._conditions_met(statement.conditions, asked)


def _allows(statement: ParsedStatement, asked: EvalContext) -> bool:
    return statement.effect == "Allow" and _is_about(statement, asked) and _is_met(statement, asked)


def _unknown(statement: ParsedStatement, asked: EvalContext) -> str:
    """What a statement that may be about the call looks at, and nobody has said."""
    if not _is_of(statement, asked):
        return ""
    if any("${" in text for text in [*statement.resources, *statement.not_resources, json.dumps(statement.conditions)]):
        return "a policy variable"
    if not iam_evaluator._resource_matches(asked.resource_arn, statement.resources, statement.not_resources):
        return ""
    for key in (key for block in statement.conditions.values() for key in block):
        known = (
            key.lower() in ALWAYS or key.lower() in asked.service_context or asked.action in TOLD.get(key.lower(), ())
        )
        if not known:
            return key
    return ""


def _used(statements: Iterable[ParsedStatement], asked: EvalContext) -> Iterator[Grant]:
    for statement in statements:
        if _allows(statement, asked):
            for action in (a for a in statement.actions if iam_evaluator.fnmatch_iam(asked.action, a)):
                for resource in statement.resources:
                    if iam_evaluator.fnmatch_iam_cs(asked.resource_arn, resource):
                        yield Grant(action, resource)


def _sid(statement: ParsedStatement) -> str:
    return f"statement {statement.sid}" if statement.sid else "a statement without a Sid"


def _missing(policies: Policies, asked: EvalContext) -> tuple[str, str]:
    """What to write, or what stands in the way, and the kind of policy that does not allow it."""
    allowing = [s for s in policies.statements if s.effect == "Allow"]
    for statement in allowing:
        if _is_about(statement, asked):
            if not _is_met(statement, asked):
                return f"{_sid(statement)} allows it only under {json.dumps(statement.conditions)}", IDENTITY
            if policies.boundary is not None:
                return f"{_sid(statement)} allows it, the role's boundary does not", BOUNDARY
            return f"{_sid(statement)} allows it, the resource's policy does not", RESOURCE
    for statement in allowing:
        if _is_of(statement, asked):
            return f"{_sid(statement)} allows it on {', '.join(statement.resources) or 'others'} only", IDENTITY
    return f'expected a statement that allows "{asked.action}" on "{asked.resource_arn}"', IDENTITY
