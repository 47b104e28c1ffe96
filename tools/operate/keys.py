"""The customer's keys: how they stand, and `make keep-keys`, which takes back their deletion.

A key that waits for its deletion encrypts and decrypts nothing: neither lake nor state can be read meanwhile. So this
asks for nothing but the keys' names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3

from tools.operate.platform import Platform
from tools.terraform.environments import Environment

NAMES = {"lake": "lake, streams, queues, logs", "delivery": "state, code, image"}


def rows(platform: Platform) -> Iterator[tuple[str, str, str, str]]:
    kms: Any = platform.client("kms")
    for name, encrypts in NAMES.items():
        alias = f"alias/{platform.prefix}-{name}"
        found = kms.describe_key(KeyId=alias)["KeyMetadata"]
        until = f", deleted {found['DeletionDate']:%Y-%m-%d}" if found.get("DeletionDate") else ""
        yield ("key", alias, f"{found['KeyState']}{until} ({encrypts})", "")


def keep_keys(environment: Environment) -> None:
    """A key whose deletion is taken back is disabled until it is enabled again."""
    kms: Any = boto3.client("kms")
    for name, encrypts in NAMES.items():
        alias = f"alias/{environment.prefix}-{name}"
        key = kms.describe_key(KeyId=alias)["KeyMetadata"]
        state = key["KeyState"]
        if state == "PendingDeletion":
            kms.cancel_key_deletion(KeyId=key["KeyId"])
        if state in ("PendingDeletion", "Disabled"):
            kms.enable_key(KeyId=key["KeyId"])
        now = kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyState"]
        print(f"{alias} ({encrypts}): {state}" + (f", now {now}" if now != state else ""))
