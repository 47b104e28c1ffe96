"""What is compared of a stream: how big it was made, and how big it is."""

from __future__ import annotations

from typing import Any

import pytest

from tools.operate.platform import Platform
from tools.operate.verify import streams

KEY = "arn:aws:kms:eu-west-1:111122223333:key/lake"


class Kinesis:
    def __init__(self, **live: Any) -> None:
        self.live = {"OpenShardCount": 4, "RetentionPeriodHours": 168, "KeyId": KEY, **live}

    def describe_stream_summary(self, StreamName: str) -> dict:
        return {"StreamDescriptionSummary": self.live}


def made(mode: str, shards: int) -> dict:
    attributes = {
        "name": "risk-dev-transactions",
        "shard_count": shards,
        "retention_period": 168,
        "kms_key_id": KEY,
        "stream_mode_details": [{"stream_mode": mode}],
    }
    return {"resources": [{"mode": "managed", "type": "aws_kinesis_stream", "instances": [{"attributes": attributes}]}]}


def found(live: dict, state: dict):
    (finding,) = streams(Platform({}, {"kinesis": Kinesis(**live)}), state)
    return finding


@pytest.mark.parametrize("shards", [1, 4, 9])
def test_a_stream_on_demand_is_as_it_was_made_with_whatever_shards_it_has(shards):
    live = {"OpenShardCount": shards, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}

    assert found(live, made("ON_DEMAND", 0)).holds


def test_a_stream_that_somebody_made_grow_on_demand_is_not_as_it_was_made():
    finding = found({"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}, made("PROVISIONED", 4))

    assert str(finding) == f"stream risk-dev-transactions: wanted 4 shards, 168 h, {KEY}, live on demand, 168 h, {KEY}"


def test_a_stream_that_lost_shards_is_not_as_it_was_made():
    live = {"OpenShardCount": 3, "StreamModeDetails": {"StreamMode": "PROVISIONED"}}

    assert not found(live, made("PROVISIONED", 4)).holds
    assert found({**live, "OpenShardCount": 4}, made("PROVISIONED", 4)).holds
