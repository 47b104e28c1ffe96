"""Who may ask, and for what: AWS's API from this machine, and nothing else.

A page that the user has open in a browser can send requests to loopback, too. A browser says so: by the page's Origin,
by Sec-Fetch-Site, or (when the page's own name was made to point here) by a Host that is not ours. The emulator's
own paths, which reset it or let calls succeed that would not, are no part of AWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

# Our own names, with an API's or a bucket's name before them, and AWS's, which clients send with an own endpoint.
_OUR_HOST = re.compile(r"^(.+\.)?(localhost|127\.0\.0\.1|amazonaws\.com(\.cn)?)$|^\[::1\]$", re.I)
_OUR_ORIGIN = re.compile(r"^(.+\.)?localhost$|^127\.0\.0\.1$|^::1$", re.I)
_EMULATOR = re.compile(r"^/(_ministack|_localstack)(/|$)")
_OPEN = frozenset({"/_ministack/health", "/_ministack/ready", "/_localstack/health", "/health"})
_CORS = b"access-control-"


def refusal(method: str, path: str, headers: Mapping[str, str]) -> str:
    """Why this request is not answered, or nothing. Header names come in lower case."""
    host = re.sub(r":\d*$", "", headers.get("host", "localhost"))
    if not _OUR_HOST.match(host):
        return (
            f"The Host header says {host!r}; expected localhost, 127.0.0.1, a name below localhost or one of "
            "amazonaws.com. Use the endpoint that 'python -m local status' prints."
        )
    if not _from_here(headers):
        return (
            f"The request comes from a page of {headers.get('origin') or 'another site'}; expected none, or one of "
            "this machine. Pages of other sites may not call the local AWS."
        )
    if _EMULATOR.match(path) and not (path in _OPEN and method in ("GET", "HEAD")):
        return (
            f"{path} is the emulator's own and closed: AWS has nothing like it. To begin anew, stop the server and "
            "start it on an empty --state folder."
        )
    return ""


def _from_here(headers: Mapping[str, str]) -> bool:
    if headers.get("sec-fetch-site") == "cross-site":
        return False
    origin = headers.get("origin")
    return origin is None or bool(_OUR_ORIGIN.match(urlsplit(origin).hostname or ""))


def answer(reason: str) -> tuple[dict, dict]:
    """The ASGI messages of a refused request."""
    body = json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return (
        {"type": "http.response.start", "status": 403, "headers": headers},
        {"type": "http.response.body", "body": body},
    )


def told(content: Any) -> tuple[dict, dict]:
    """The ASGI messages of what the server itself says."""
    headers = [(b"content-type", b"application/json")]
    return (
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": json.dumps(content).encode()},
    )


def without_cors(message: dict) -> dict:
    """The start of an answer to a caller that is no page: what invites pages of other sites is left out."""
    kept = [(name, value) for name, value in message.get("headers") or () if not name.lower().startswith(_CORS)]
    return {**message, "headers": kept}
