"""The fraud endpoint: a score that depends on the whole vector, and on nothing else."""

from __future__ import annotations

import io
import json
from typing import Any
from zlib import crc32

from simulation.models.service import Service
from simulation.scheduler import Scheduler


class Endpoint(Service):
    """`model` is who answers; a release changes it."""

    def __init__(self, scheduler: Scheduler, name: str, model: str) -> None:
        super().__init__(scheduler, name)
        self.model = model

    def told(self, operation: str, request: dict) -> str:
        return f"{len(json.loads(request['Body'])['rows'])} rows, {self.model}"

    def do_invoke_endpoint(self, Body: str, **_: Any) -> dict:
        asked = json.loads(Body)
        answer: dict[str, Any] = {"scores": [score(row) for row in asked["rows"]], "model": self.model}
        if asked.get("explain"):
            answer["reasons"] = [[{"meaning": "the amount is high"}] for _ in asked["rows"]]
        return {"Body": io.BytesIO(json.dumps(answer).encode())}


def score(row: list) -> float:
    """From 0 to 1, all of them equally often."""
    return crc32(repr(row).encode()) / 2**32
