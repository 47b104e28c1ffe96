"""The dated table of prices beside this file."""

from __future__ import annotations

import json
from pathlib import Path

from tools.cost.estimate import Prices

TABLE = Path(__file__).with_name("prices.json")


def tabled() -> Prices:
    document = json.loads(TABLE.read_text())
    return Prices(document["region"], document["as_of"], document["prices"], document["source"])
