"""What Schemathesis loads in its own environment: requests are signed for `execute-api`, as callers sign them, and what
is drawn names what is there often enough for doors to take it."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import datetime
from typing import Any

import botocore.session
import requests.auth
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from hypothesis import strategies as st

SIGNER = SigV4Auth(botocore.session.get_session().get_credentials(), "execute-api", os.environ["AWS_REGION"])
CASES: dict[str, str] = json.loads(os.environ["API_CASES"])  # by the path of the route that works on it
LIST, PAYMENT = os.environ["API_LIST"], os.environ["API_PAYMENT"]

# A clock's instants: what no clock has shown yet is refused, and a schema cannot say so.
PAST = st.datetimes(datetime(1970, 1, 2), datetime(2026, 1, 1))
schemathesis.openapi.format("date-time", PAST.map(lambda at: f"{at:%Y-%m-%dT%H:%M:%SZ}"))


class Signed(requests.auth.AuthBase):
    def __call__(self, prepared: Any) -> Any:
        """Signs what is sent, byte for byte."""
        kept = {name: value for name, value in prepared.headers.items() if name.lower() in ("host", "content-type")}
        request = AWSRequest(prepared.method, prepared.url, data=prepared.body or b"", headers=kept)
        SIGNER.add_auth(request)
        prepared.headers.update(dict(request.headers.items()))
        return prepared


schemathesis.auth.set_from_requests(Signed())


def is_one_in_two(drawn: object) -> bool:
    return sum(map(ord, str(drawn))) % 2 == 0


def is_name_of_a_list(drawn: object) -> bool:
    """What is drawn to be refused stays what it is."""
    return isinstance(drawn, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", drawn) is not None


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Every other case is one that is there, and can be worked on so."""
    drawn = (path_parameters or {}).get("id")
    if isinstance(drawn, str) and is_one_in_two(drawn) and context.operation.path in CASES:
        return {**(path_parameters or {}), "id": CASES[context.operation.path]}
    return path_parameters


@schemathesis.hook
def map_query(context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Every other payment is one that somebody looks at."""
    drawn = (query or {}).get("transaction_id")
    return {**(query or {}), "transaction_id": PAYMENT} if isinstance(drawn, str) and is_one_in_two(drawn) else query


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """A payment of its own, a list that is there with an end to come, a case decided by who has seen its one payment.
    What is drawn to be refused stays as it is."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("currency"), str) and is_one_in_two(body["currency"]):
        body = {**body, "currency": "EUR"}
    named = body.get("transaction_id")
    if "event_time" in body and isinstance(named, str) and re.fullmatch(r"[0-9]+", named):
        whole = json.dumps(body, sort_keys=True, default=str).encode()
        body = {**body, "transaction_id": f"{PAYMENT}-{hashlib.sha256(whole).hexdigest()[:16]}"}
    if is_name_of_a_list(body.get("list")) and is_one_in_two(body["list"]):
        body = {**body, "list": LIST}
        if isinstance(body.get("until"), str) and body["until"].endswith("Z"):
            body["until"] = "2099-" + body["until"][5:]
    if type(body.get("seen")) is int and is_one_in_two(body.get("why")):
        body = {**body, "seen": 1}
    return body
