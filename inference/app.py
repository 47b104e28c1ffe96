"""SageMaker's contract: `/ping`, `/invocations`, `/execution-parameters`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable

from features.encoding import InvalidRow
from inference.connections import Answer, Refused, Request
from inference.model import Model, OtherFeatures

LIMIT = 6 * 1024 * 1024  # bytes of one request, SageMaker's limit
MOST_EXPLAINED = 100  # rows of one request: explaining takes milliseconds a row
JSON, CSV = "application/json", "text/csv"
EXPECTED = 'expected {"feature_version": "...", "rows": [[...], ...]}, and "explain": true to be told why'


class App:
    """Serves one opened model."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def __call__(self, request: Request) -> Answer | Awaitable[Answer]:
        route = request.method, request.path
        if route == ("POST", "/invocations"):
            kind = request.kind or CSV
            if kind == CSV:
                return Answer(200, CSV, self.from_csv(request.body))
            if kind == JSON:
                return self.from_json(request.body)
            raise Refused(415, f"expected content type {CSV} or {JSON}, got {kind}")
        if route == ("GET", "/ping"):
            return Answer(200, JSON, b"{}")
        if route == ("GET", "/execution-parameters"):
            limits = {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
            return Answer(200, JSON, json.dumps(limits).encode())
        raise Refused(404, f"expected POST /invocations or GET /ping, got {' '.join(route)}")

    def from_json(self, body: bytes) -> Answer | Awaitable[Answer]:
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
        if not explain:
            return Answer(200, JSON, json.dumps(answer).encode())
        if len(rows) > MOST_EXPLAINED:
            raise Refused(400, f"expected at most {MOST_EXPLAINED} rows to explain, got {len(rows)}")
        return self.explained(rows, answer)

    async def explained(self, rows: list, answer: dict) -> Answer:
        """In a thread of its own: whoever wants no reasons does not wait for those who do."""
        reasons = await asyncio.to_thread(self.model.reasons, rows)
        return Answer(200, JSON, json.dumps({**answer, "reasons": reasons}).encode())

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
