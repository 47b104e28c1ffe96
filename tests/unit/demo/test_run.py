"""What a run reads of the platform is what the newest run of it left."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from demo.run import Run


def test_decisions_are_those_of_the_newest_run_of_their_month():
    folder = "predictions/credit_decisions/period=2026-08/started_at=20261130"
    kept = {
        f"{folder}T190000000Z/run=zz/decisions.jsonl": b'{"loan_id": "l1", "decision": "DECLINE"}\n',
        f"{folder}T200000000Z/run=aa/decisions.jsonl": b'{"loan_id": "l1", "decision": "APPROVE"}\n'
        b'{"loan_id": "l2", "decision": "REFER"}\n',
    }
    platform = SimpleNamespace(keys=lambda prefix: [k for k in kept if k.startswith(prefix)], read=kept.__getitem__)
    run = Run(None, platform, None, Path())

    assert [line["decision"] for line in run._lines_of_decisions("2026-08")] == ["APPROVE", "REFER"]
    assert run._lines_of_decisions("2026-09") == []
