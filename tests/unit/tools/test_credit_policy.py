"""A credit policy is published once, kept by its content, and named as the successor of what was there."""

from __future__ import annotations

import json
from pathlib import Path

EXAMPLE = json.loads((Path(__file__).parents[3] / "policies" / "credit-example.json").read_text())
