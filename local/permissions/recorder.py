"""The one ledger of this server, what is told to it, and what it refuses where permissions are enforced."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

from local.permissions import calls, report, roles
from local.permissions.calls import Call, Place, Request
from local.permissions.denied import AccessDenied
from local.permissions.ledger import Ledger, Refusal
from local.permissions.verdicts import Judge, Policies, guard

HOOKS = {
    "ministack.core.responses.get_account_id": "() -> str",
    "ministack.core.responses.get_region": "() -> str",
    "ministack.services.iam._roles": None,
    "ministack.services.iam._roles._data": None,
}

logger = logging.getLogger("local")
_judge = Judge("")
_ledger: Ledger | None = None
_file: Path
_enforced = False
_not_recorded = 0


def install(region: str, file: Path, enforced: bool) -> None:
    """Go on where an earlier server of the same folder has ended."""
    global _judge, _ledger, _file, _enforced
    _judge, _file, _enforced = Judge(region), file, enforced
    _ledger = Ledger(_judge.verdict)
    # A new folder has none, and a server that was killed may not have finished its own.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        _ledger.load(json.loads(file.read_text()))


def close() -> None:
    if _ledger is not None:
        _file.write_text(json.dumps(made(), indent=1))


def made() -> dict[str, Any]:
    """The report as it is now, and all that is needed to judge the examples again."""
    assert _ledger is not None
    held = {role["Arn"]: Policies.of(role["Arn"]) for role in list(iam._roles._data.values())}  # of every account
    granted = {arn: list(policies.grants()) for arn, policies in held.items()}
    guards = {call.resource: found for asked in _ledger.examples().values() for call in asked if (found := guard(call))}
    return {
        **report.made(_ledger, granted),
        "not_recorded": _not_recorded,
        "region": _judge.region,
        "policies": {arn: asdict(policies) for arn, policies in held.items()},
        "guards": guards,
    }


def note(role: str, asked: Iterable[Call]) -> Refusal | None:
    """What of it must be refused. Never fails: the report says how often something could not be recorded."""
    global _not_recorded
    if _ledger is None:
        return None
    try:
        refused = _ledger.note(role, asked)
    except Exception:
        _not_recorded += 1
        logger.exception("a call of %s was not recorded", role)
        refused = Refusal(Call("", ""), "because it could not be judged")
    return refused if refused and _is_enforced(role) else None


def _is_enforced(role: str) -> bool:
    """A role that IAM does not have holds nothing: MiniStack takes it, and so do we."""
    if not role.startswith("arn:"):
        return _enforced
    return _enforced and iam._roles.get_scoped(role.split(":")[4], None, role.rpartition("/")[2]) is not None


def forget() -> None:
    """Some policy has changed."""
    if _ledger is not None:
        _judge.forget()
        _ledger.forget()


def asks(action: str, resource: str, *context: tuple[str, str], role: str = "") -> None:
    """A service asks this in the name of a role, or of the one that acts; what its key is asked follows.

    Raises AccessDenied where permissions are enforced and the role's are not enough.
    """
    _ask(role, lambda: calls.with_keys(Call(action, resource, context), _place()))


def asks_by_request(service: str, operation: str, members: Mapping[str, Any], role: str = "") -> None:
    """The same, for a request that is not sent: it is answered in this process."""
    _ask(role, lambda: calls.asked(Request.operation(service, operation, members), _place()))


def _ask(role: str, asked: Callable[[], Iterable[Call]]) -> None:
    if (who := role or roles.acting()) and (refused := note(who, asked())):
        raise AccessDenied(roles.session_of(who), refused)


def lets(action: str, resource: str, *context: tuple[str, str], role: str = "") -> bool:
    """`asks`, for whoever leaves undone what is refused and goes on."""
    try:
        asks(action, resource, *context, role=role)
    except AccessDenied as refusal:
        logger.warning("%s", refusal)
        return False
    return True


def still_lets(action: str, resource: str, role: str) -> bool:
    """The same for what is done again and again: it is written down only when it is refused."""
    if _ledger is None or not _is_enforced(role) or _ledger.allows(role, [Call(action, resource)]):
        return True
    return lets(action, resource, role=role)


def _place() -> Place:
    return Place(get_region(), get_account_id())
