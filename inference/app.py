"""SageMaker's HTTP contract as a bare ASGI application: `/ping`, `/invocations`, `/execution-parameters`."""

from __future__ import annotations

import asyncio
import csv
import io
import json

from features.encoding import InvalidRow
from inference.model import Model, OtherFeatures

LIMIT = 6 * 1024 * 1024  # bytes of one request, SageMaker's limit
MOST_EXPLAINED = 100  # rows of one request: explaining takes milliseconds a row
JSON, CSV = "application/json", "text/csv"
EXPECTED = 'expected {"feature_version": "...", "rows": [[...], ...]}, and "explain": true to be told why'


class Refused(Exception):
    """A request that gets an error answer: status and one sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class App:
    """Serves one opened model."""

    def __init__(self, model: Model) -> None:
        self.model = model

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        try:
            status, kind, body = await self.answer(scope, receive)
        except Refused as refused:
            status, kind, body = refused.status, JSON, json.dumps({"error": str(refused)}).encode()
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def answer(self, scope, receive) -> tuple[int, str, bytes]:
        route = scope["method"], scope["path"]
        if route == ("GET", "/ping"):
            return 200, JSON, b"{}"
        if route == ("GET", "/execution-parameters"):
            limits = {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
            return 200, JSON, json.dumps(limits).encode()
        if route != ("POST", "/invocations"):
            raise Refused(404, f"expected POST /invocations or GET /ping, got {' '.join(route)}")
        kind = content_type(scope["headers"])
        body = await read(receive)
        if kind == JSON:
            return 200, JSON, await self.from_json(body)
        if kind == CSV:
            return 200, CSV, self.from_csv(body)
        raise Refused(415, f"expected content type {CSV} or {JSON}, got {kind}")

    async def from_json(self, body: bytes) -> bytes:
        try:
            request = json.loads(body)
            version, rows, explain = request["feature_version"], request["rows"], request.get("explain", False)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Refused(400, EXPECTED) from None
        if not isinstance(rows, list) or not isinstance(explain, bool):
            raise Refused(400, EXPECTED)
        try:
            self.model.require(version)
        except OtherFeatures as other:
            raise Refused(409, str(other)) from None
        answer: dict = {"scores": self.score(rows), "model": self.model.name, "feature_version": version}
        if explain:
            if len(rows) > MOST_EXPLAINED:
                raise Refused(400, f"expected at most {MOST_EXPLAINED} rows to explain, got {len(rows)}")
            # In a thread of its own: whoever wants no reasons does not wait for those who do.
            answer["reasons"] = await asyncio.to_thread(self.model.reasons, rows)
        return json.dumps(answer).encode()

    def from_csv(self, body: bytes) -> bytes:
        try:
            text = body.decode()
            rows: list[list[str]] = (
                [row for row in csv.reader(io.StringIO(text)) if row]
                if '"' in text
                else [line.split(",") for line in text.replace("\r\n", "\n").split("\n") if line]
            )
        except (UnicodeDecodeError, csv.Error) as wrong:
            raise Refused(400, f"the body is not CSV in UTF-8: {type(wrong).__name__}") from None
        return "".join(f"{score!r}\n" for score in self.score(rows)).encode()

    def score(self, rows: list) -> list[float]:
        try:
            return self.model.score(rows)
        except (InvalidRow, TypeError) as wrong:
            raise Refused(400, str(wrong)) from None


def content_type(headers) -> str:
    for name, value in headers:
        if name.lower() == b"content-type":
            return value.decode("latin-1").partition(";")[0].strip().lower()
    return CSV


async def read(receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LIMIT:
            raise Refused(413, f"a request has at most {LIMIT} bytes")
        if not message.get("more_body"):
            return body


async def lifespan(receive, send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
