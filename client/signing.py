"""Who asks: a request signed for IAM (AWS Signature Version 4), or one that bears a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


class Signing(Protocol):
    def headers(self, verb: str, url: str, body: bytes, given: dict[str, str]) -> dict[str, str]:
        """All headers to send, those that were given included."""
        ...


class Iam:
    """Signs with credentials of botocore, by default those of the process: a role's are fetched anew as they expire.

    Raises ValueError where there are no credentials, or no region to sign for.
    """

    def __init__(self, credentials: Any = None, region: str | None = None) -> None:
        session = botocore.session.get_session()
        self.credentials = credentials or session.get_credentials()
        self.region = region or session.get_config_variable("region")
        if self.credentials is None:
            raise ValueError("expected AWS credentials, none were found: take a role, or hand some in")
        if not self.region:
            raise ValueError("expected a region to sign for, none was found: set AWS_REGION, or hand one in")

    def headers(self, verb: str, url: str, body: bytes, given: dict[str, str]) -> dict[str, str]:
        request = AWSRequest(verb, url, data=body, headers=given)
        SigV4Auth(self.credentials, "execute-api", self.region).add_auth(request)
        return {name: str(value) for name, value in request.headers.items()}


class Token:
    """Bears a token (JWT), or what a function gives that is asked before each request."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self.token = token

    def headers(self, verb: str, url: str, body: bytes, given: dict[str, str]) -> dict[str, str]:
        token = self.token if isinstance(self.token, str) else self.token()
        return {**given, "authorization": f"Bearer {token}"}
