"""What the jobs tell CloudWatch about the rows that they judged, by the names that the alarms watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3


@dataclass(frozen=True)
class Metrics:
    """Measures of one job's run, in the namespace that the job was given."""

    namespace: str
    cloudwatch: Any = field(default_factory=lambda: boto3.client("cloudwatch"), repr=False)

    def judged(self, passed: Mapping[str, bool], quarantined: Mapping[str, float] | None = None) -> None:
        """`passed` says by table whether the gate let it through, `quarantined` which share (0-1) was set aside.

        A gate that passed is told as 0: a series without points says nothing of the gate.
        """
        failed = {table: 0.0 if ok else 1.0 for table, ok in passed.items()}
        measures: list[dict] = [point("GateFailed", value, entity=table) for table, value in sorted(failed.items())]
        measures += [point("GateFailed", sum(failed.values()))] if failed else []
        measures += [
            point("QuarantinedShare", share, entity=entity) for entity, share in sorted((quarantined or {}).items())
        ]
        self._put(measures)

    def aged(self, hours: Mapping[str, float]) -> None:
        """By feature group, the age of its newest event when features were published."""
        self._put([point("FeatureAgeHours", age, group=group) for group, age in sorted(hours.items())])

    def compared(self, vectors: int, mismatches: int, not_in_lake: int, undecided: int) -> None:
        """Served vectors: how many the lake has too, how many of those differ, and how many it has not. And how many
        payments of the lake were not decided on."""
        counts = {
            "ParityCompared": vectors,
            "ParityMismatches": mismatches,
            "ParityNotInLake": not_in_lake,
            "PaymentsUndecided": undecided,
        }
        self._put([point(name, count) for name, count in counts.items()])

    def _put(self, measures: list[dict]) -> None:
        if measures:
            self.cloudwatch.put_metric_data(Namespace=self.namespace, MetricData=measures)


def point(name: str, value: float, **dimensions: str) -> dict:
    named = [{"Name": key, "Value": of} for key, of in dimensions.items()]
    return {"MetricName": name, "Value": value} | ({"Dimensions": named} if named else {})
