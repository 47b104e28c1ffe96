"""Lambda entry point of the seal: the night calls it with `{"day": "YYYY-MM-DD"}` after the parity check."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import boto3
from botocore.config import Config
from scoring.settings import from_environment

from seal.sealing import SIDE_BY_SIDE, Sealing, Witness


@dataclass(frozen=True)
class Settings:
    lake_bucket: str


@lru_cache(maxsize=1)
def sealing() -> Sealing:
    settings = from_environment(Settings, os.environ)
    client = boto3.client("s3", config=Config(max_pool_connections=SIDE_BY_SIDE))
    locked = os.environ.get("WITNESS_BUCKET")  # where Terraform makes one
    witness = Witness(client, locked) if locked else None
    return Sealing(client, settings.lake_bucket, lambda: datetime.now(UTC).isoformat(timespec="milliseconds"), witness)


def handle(event: dict, context: object) -> dict:
    """The answer stays in the execution's history: a witness outside the bucket."""
    return {"seals": sealing().run(event["day"])}
