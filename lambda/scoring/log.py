"""What a door says of a failure that it goes on after."""

from __future__ import annotations

import json


def warn(message: str, failed: Exception) -> None:
    """The kind of the failure alone: its text may hold what a payment says."""
    print(json.dumps({"level": "ERROR", "message": message, "error": type(failed).__name__}))
