"""What a server asks of the AWS around it that no API call tells. Alone, it believes everything and tells nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import validation
from .events import Deliver

Asks = Callable[[str, str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Surroundings:
    """`deliver` puts one of SageMaker's own events on the default bus of EventBridge.

    `trusts` says whether a role (ARN) lets sagemaker.amazonaws.com assume it, `has_image` whether a registry has an
    image; both say yes to what they cannot tell. `credentials` gives the variables of a session of a role (none: the
    server's own are used), and `asks` hears which operation SageMaker itself calls in the name of a role,
    `pulls` which image it fetches for one, and `encrypts` what it asks of a key for one (an action, the key); these
    raise PermissionError for what the role may not do. `measures` hears in which namespace a role's container is
    measured.
    """

    deliver: Deliver = lambda event: None
    trusts: Callable[[str], bool] = lambda role: True
    has_image: Callable[[str], bool] = lambda image: True
    credentials: Callable[[str], Mapping[str, str]] = lambda role: {}
    asks: Asks = lambda role, operation, request: None
    pulls: Callable[[str, str], None] = lambda role, image: None
    encrypts: Callable[[str, str, str], None] = lambda role, action, key: None
    measures: Callable[[str, str], None] = lambda role, namespace: None

    def require_role(self, role: str | None) -> None:
        """Raise SageMaker's refusal of a role that it could not assume."""
        if role and not self.trusts(role):
            raise validation(
                f"Could not assume role {role}. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role."
            )
