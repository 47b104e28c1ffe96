"""Lambda entry point of the document door (HTTP API, payload format 2.0): docs/openapi.json, byte for byte."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """`document` is the file's name within the function's zip."""

    document: str


@lru_cache(maxsize=1)
def document() -> str:
    settings = Settings(os.environ["DOCUMENT"])
    return (Path(__file__).resolve().parents[1] / settings.document).read_text()


def handle(event: dict, context: object) -> dict:
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": document()}
