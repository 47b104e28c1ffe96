"""A refusal as AWS words it: who, what, on which resource, and which kind of policy did not allow it."""

from __future__ import annotations

from local.permissions.ledger import Refusal


class AccessDenied(PermissionError):
    """What a service asked in the name of `who` (a session's ARN, or a service) is not allowed."""

    def __init__(self, who: str, refused: Refusal) -> None:
        self.call = refused.call
        super().__init__(message(who, refused))


def message(who: str, refused: Refusal) -> str:
    asked = refused.call
    return (
        f"User: {who} is not authorized to perform: {asked.action or 'an unknown action'} "
        f"on resource: {asked.resource or '*'} {refused.because}"
    )
