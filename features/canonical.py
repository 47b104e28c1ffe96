"""One text for one content, and the short name that it gives: how documents that decide are told apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SHOWN = 12  # characters of a SHA-256 that a version shows: too few for a card number, whatever stands beside them


def canonical(document: Mapping[str, Any]) -> bytes:
    """One text for one content."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def digest(body: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def versioned(label: str, sha: str) -> str:
    """`lists-2` -> `lists-2@0a1b2c3d4e5f`."""
    return f"{label}@{sha[:SHOWN]}"
