"""Who calls: credentials of a role, and the role in whose name this very process works.

A role's credentials are those of a session that the role's service would have made: the same ones each time, so that
what keeps them (a Java machine, an endpoint) is not left with old ones.
"""

from __future__ import annotations

import contextvars
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from ministack.services import iam, sts

HOOKS = {
    "ministack.services.iam._roles": None,
    "ministack.services.sts._sessions": None,
    "ministack.services.sts.register_session": "(access_key: str, session: dict) -> None",
}

SERVICE = "service"  # the session of what this process does in a role's name

_acting: contextvars.ContextVar[str] = contextvars.ContextVar("acting role", default="")


def arn_of(role: str, account: str) -> str:
    """A role as Glue takes it, by name or by ARN, as an ARN."""
    return role if role.startswith("arn:") or not role else f"arn:aws:iam::{account}:role/{role}"


def credentials(role: str, session: str) -> dict[str, str]:
    """The three variables of a session of the role (an ARN), as a service makes one for what it runs.

    None for what is no ARN: whoever has asked then goes on with the account's own.
    """
    if not role.startswith("arn:"):
        return {}
    account, name = role.split(":")[4], role.rpartition("/")[2]
    digest = hashlib.sha256(f"{role}:{session}".encode()).hexdigest()
    found = {
        "AWS_ACCESS_KEY_ID": f"ASIA{digest[:16].upper()}",
        "AWS_SECRET_ACCESS_KEY": hashlib.sha256(f"secret:{digest}".encode()).hexdigest()[:40],
        "AWS_SESSION_TOKEN": hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    }
    if found["AWS_ACCESS_KEY_ID"] not in sts._sessions:
        sts.register_session(
            found["AWS_ACCESS_KEY_ID"],
            {
                # MiniStack reads the account from here, too.
                "Arn": session_of(role, session[:64]),
                "UserId": f"{name}:{session[:64]}",
                "SecretAccessKey": found["AWS_SECRET_ACCESS_KEY"],
                "SessionToken": found["AWS_SESSION_TOKEN"],
                "AccountId": account,
                "PrincipalType": "AssumedRole",
            },
        )
    return found


def session_of(role: str, session: str = SERVICE) -> str:
    """The ARN by which AWS names whoever calls by a role; a service that has none stays what it is."""
    if not role.startswith("arn:"):
        return role
    return f"arn:aws:sts::{role.split(':')[4]}:assumed-role/{role.rpartition('/')[2]}/{session}"


def of_key(access_key: str) -> str:
    """The role (an ARN) whose session an access key is; nothing for any other key."""
    session = sts._sessions.get(access_key)
    parts = session["Arn"].split(":") if session else []
    if len(parts) < 6 or not parts[5].startswith("assumed-role/"):
        return ""
    name = parts[5].split("/")[1]
    role = iam._roles.get_scoped(parts[4], None, name) or {}
    return role.get("Arn") or f"arn:aws:iam::{parts[4]}:role/{name}"


def acting() -> str:
    """The role in whose name this thread or request works, or nothing."""
    return _acting.get()


def act_as(role: str) -> None:
    """From now on, in this thread (or request), until it ends."""
    _acting.set(role)


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    token = _acting.set(role)
    try:
        yield
    finally:
        _acting.reset(token)
