"""Which statements of a role are needed: each is taken away, and every call that was recorded is judged again.

A statement is needed by a call that comes out differently without it. What no call needs is a survivor: nobody asked
for it, or something else allows the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import ParsedStatement

from local.permissions.calls import Call
from local.permissions.verdicts import Policies, Verdict, judged

HOOKS = {
    "ministack.core.iam_evaluator.ParsedStatement.__init__": None,
    "ministack.core.iam_evaluator._action_matches": (
        "(request_action: str, actions: list[str], not_actions: list[str]) -> bool"
    ),
}


class Example(NamedTuple):
    """A call, where it was recorded, and the policy of what it is about with its owner, if there is one."""

    call: Call
    source: str
    guard: tuple = ()


@dataclass(frozen=True)
class Finding:
    """What taking one statement away has shown; `needed_by` nobody, it survives for a reason."""

    role: str
    place: int  # of the statement in the role's policies
    sid: str
    actions: tuple[str, ...]
    needed_by: Example | None
    reason: str
    used: tuple[str, ...] = ()  # actions without which some call comes out differently


def findings(role: str, policies: Policies, examples: Sequence[Example], region: str) -> Iterator[Finding]:
    """One of each statement, in the order of the policies."""
    judge = _Judge(role, region)
    before = [(example, judge(example, policies)) for example in examples]
    for place, statement in enumerate(policies.statements):
        about = [(e, v) for e, v in before if place in v.by] if statement.effect == "Allow" else before
        rest = _without(policies, place)
        needed_by = next((e for e, v in about if judge(e, rest).decision != v.decision), None)
        yield Finding(
            role,
            place,
            statement.sid or f"statement {place + 1}",
            (*statement.actions, *(f"not {action}" for action in statement.not_actions)),
            needed_by,
            "" if needed_by else _reason(place, policies, before),
            tuple(_used(place, policies, about, judge)) if needed_by else (),
        )


class _Judge:
    def __init__(self, role: str, region: str) -> None:
        self.role, self.region = role, region

    def __call__(self, example: Example, policies: Policies) -> Verdict:
        return judged(self.role, example.call, policies, self.region, *example.guard)


def _without(policies: Policies, place: int, *instead: ParsedStatement) -> Policies:
    held = policies.statements
    return replace(policies, statements=[*held[:place], *instead, *held[place + 1 :]])


def _used(place: int, policies: Policies, about: Sequence[tuple[Example, Verdict]], judge: _Judge) -> Iterator[str]:
    """Of a statement that is needed."""
    statement = policies.statements[place]
    if len(statement.actions) == 1:
        yield from statement.actions
        return
    for action in statement.actions:
        others = [other for other in statement.actions if other != action]
        without = _without(policies, place, replace(statement, actions=others))
        if any(judge(example, without).decision != verdict.decision for example, verdict in about):
            yield action


def _reason(place: int, policies: Policies, before: Sequence[tuple[Example, Verdict]]) -> str:
    statement = policies.statements[place]
    others = {other for _, verdict in before if place in verdict.by for other in verdict.by if other != place}
    if others:
        named = ", ".join(policies.statements[other].sid or f"statement {other + 1}" for other in sorted(others))
        return f"what it allows is allowed by {named}, too"
    for example, _ in before:
        if iam_evaluator._action_matches(example.call.action, statement.actions, statement.not_actions):
            return f"its actions were asked on other resources only, such as {example.call.resource}"
    return "nobody asked for its actions"
