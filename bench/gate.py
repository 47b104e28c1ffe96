"""What the quality gate costs: its share of the jobs' seconds, import of Great Expectations included."""

from __future__ import annotations

import json
import sys

from bench import lake

HIGHEST_SHARE = 0.25  # a gate that costs more would be left out by whoever is in a hurry


def measure(rows: int) -> dict:
    """By job, seconds of the gate, of the whole run and their ratio, over `rows` payments."""
    found = lake.measure(rows)
    return {
        "rows": rows,
        "import_seconds": found["gate_import_seconds"],
        "jobs": {
            job: {"gate_seconds": seconds, "job_seconds": found["seconds"][job], "share": found["gate_share"][job]}
            for job, seconds in found["gate_seconds"].items()
        },
        "highest_share": max(found["gate_share"].values()),
        "within": max(found["gate_share"].values()) <= HIGHEST_SHARE,
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1])), indent=1))
