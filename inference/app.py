"""SageMaker's contract as an ASGI application: `/ping`, `/invocations`, `/execution-parameters`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from features.encoding import InvalidRow
from inference.connections import LARGEST_REQUEST
from inference.model import Model, OtherFeatures

LIMIT = 6 * 1024 * 1024  # bytes of one request, SageMaker's limit
MOST_EXPLAINED = 100  # rows of one request: explaining takes milliseconds a row
AT_ONCE = 8 * 1024  # bytes of a request that is answered on the event loop: a few rows, read in microseconds
TOGETHER = 500  # rows that are scored in one go: what a batch takes at most from payments beside it
JSON, CSV = "application/json", "text/csv"
EXPECTED = (
    'expected {"feature_version": "...", "rows": [[...], ...]}, "features" to say what the columns mean, '
    '"explain": true to be told why, and "contributions": true for what each column did'
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes
    last: bool = False  # the connection ends with it


class Refused(Exception):
    """A request that gets an error answer: status and one sentence."""

    def __init__(self, status: int, reason: str, last: bool = False) -> None:
        super().__init__(reason)
        self.status, self.last = status, last

    def answer(self) -> Answer:
        return Answer(self.status, JSON, json.dumps({"error": str(self)}).encode(), self.last)


class Gone(Exception):
    """The client went away before its request was whole."""


class App:
    """Serves one opened model. Payments are scored on the event loop; batches and reasons in a thread beside it."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.beside = ThreadPoolExecutor(1, thread_name_prefix="batch")  # one: batches wait for each other

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            answer = await self.answered(scope, receive)
        except Refused as refused:
            answer = refused.answer()
        except Gone:
            return
        except Exception as failed:
            print(json.dumps({"level": "ERROR", "message": "a request failed", "error": repr(failed)}), flush=True)
            answer = Refused(500, "the model could not answer").answer()
        headers = [
            (b"content-type", answer.kind.encode()),
            (b"content-length", b"%d" % len(answer.body)),
            *([(b"connection", b"close")] if answer.last else []),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def answered(self, scope: Message, receive: Receive) -> Answer:
        route = scope["method"], scope["path"]
        headers = dict(scope["headers"])
        body = await whole(receive, headers)
        if route == ("POST", "/invocations"):
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1") or CSV
            if kind == CSV:
                read = self.from_csv
            elif kind == JSON:
                read = self.from_json
            else:
                raise Refused(415, f"expected content type {CSV} or {JSON}, got {kind}")
            if len(body) > AT_ONCE or b'"explain"' in body or b'"contributions"' in body:
                return await asyncio.get_running_loop().run_in_executor(self.beside, read, body)
            return read(body)
        if route in (("GET", "/ping"), ("HEAD", "/ping")):
            return Answer(200, JSON, b"{}")
        if route == ("GET", "/execution-parameters"):
            limits = {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
            return Answer(200, JSON, json.dumps(limits).encode())
        raise Refused(404, f"expected POST /invocations or GET /ping, got {' '.join(route)}")

    def from_json(self, body: bytes) -> Answer:
        try:
            request = json.loads(body)
            version, rows, explain = request["feature_version"], request["rows"], request.get("explain", False)
            meanings, each_column = request.get("features"), request.get("contributions", False)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Refused(400, EXPECTED) from None
        if not isinstance(rows, list) or not all(isinstance(r, list) for r in rows):
            raise Refused(400, EXPECTED)
        if not isinstance(explain, bool) or not isinstance(each_column, bool):
            raise Refused(400, EXPECTED)
        if not isinstance(meanings, str | None):
            raise Refused(400, EXPECTED)
        try:
            rows = self.model.chosen(rows, version, meanings)
        except OtherFeatures as other:
            raise Refused(409, str(other)) from None
        except InvalidRow as wrong:
            raise Refused(400, str(wrong)) from None
        unread: Counter[str] = Counter()
        answer: dict = {"scores": self.score(rows, unread), "model": self.model.name, "feature_version": version}
        if unread:
            answer["unread"] = dict(unread)
        if (explain or each_column) and len(rows) > MOST_EXPLAINED:
            raise Refused(400, f"expected at most {MOST_EXPLAINED} rows to explain, got {len(rows)}")
        if explain:
            answer["reasons"] = self.model.reasons(rows)
        if each_column:
            answer["contributions"] = self.model.contributions(rows).tolist()
        return Answer(200, JSON, json.dumps(answer).encode())

    def from_csv(self, body: bytes) -> Answer:
        try:
            text = body.decode()
            rows: list[list[str]] = (
                [row for row in csv.reader(io.StringIO(text)) if row]
                if '"' in text
                else [line.split(",") for line in text.replace("\r\n", "\n").split("\n") if line]
            )
        except (UnicodeDecodeError, csv.Error) as wrong:
            raise Refused(400, f"the body is not CSV in UTF-8: {type(wrong).__name__}") from None
        return Answer(200, CSV, "".join(f"{score!r}\n" for score in self.score(rows, Counter())).encode())

    def score(self, rows: list, unread: Counter[str]) -> list[float]:
        """One probability per row. Cells that cannot be read are added to `unread` by column, and told in the log."""
        try:
            starts = range(0, len(rows), TOGETHER)
            parts = [self.model.score(rows[start : start + TOGETHER], unread) for start in starts]
        except (InvalidRow, TypeError) as wrong:
            raise Refused(400, str(wrong)) from None
        if unread:  # how many, never what: a cell may be personal
            said = "cells that the model cannot read were taken for missing"
            print(json.dumps({"level": "WARN", "message": said, "rows": len(rows), "unread": unread}), flush=True)
        return [score for part in parts for score in part]


async def whole(receive: Receive, headers: dict[bytes, bytes]) -> bytes:
    """A request's body. Raises Refused when it is too large or was lost, Gone when the client went away."""
    declared = int(headers.get(b"content-length", b"0"))
    too_large = Refused(413, f"a request has at most {LIMIT} bytes")
    if declared >= LARGEST_REQUEST:
        too_large.last = True  # it is not waited for
        raise too_large
    message = await receive()
    parts, size = [message.get("body", b"")], len(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        size += len(message.get("body", b""))
        if size <= LIMIT:
            parts.append(message.get("body", b""))
    if message["type"] == "http.disconnect":
        raise Gone
    if size > LIMIT:
        raise too_large  # after its last byte: a client that still sends may not see an answer
    if b"upgrade" in headers and (size < declared or b"transfer-encoding" in headers):
        raise Refused(400, "the offer of another protocol hides the body: send no Upgrade header", last=True)
    return parts[0] if len(parts) == 1 else b"".join(parts)
