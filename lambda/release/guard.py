"""How an endpoint changes over to a new model: a part of the traffic first, and back again when an alarm rings.

SageMaker does it (deployment guardrails): the new model gets a fleet of its own, of which a canary takes its part of
the requests for a while, then all of it; the old fleet stays until the end. A canary has at most half of the new
fleet's instances (SageMaker's limit): where there is one instance, all traffic shifts at once, and the alarms are
watched all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CANARY_OF = 10  # instances for each one of a canary
LEAST_TIMEOUT = 600  # seconds, SageMaker's own
TO_START = 1800  # seconds that new instances may take to begin
OF_TRAFFIC = "-guard-blocked"  # counts what rules and lists block, too: an attack rings it, whichever model serves


class GuardRings(RuntimeError):
    """An alarm rings before anything has changed: it would undo the release, whatever that is worth."""


class Aborted(RuntimeError):
    """Somebody has aborted the release before the endpoint was told of it."""


@dataclass(frozen=True)
class Guard:
    """Seconds that a canary serves, and that both fleets stand after all traffic has shifted; names of alarms, and of
    the one by which people abort a release: it measures nothing, and keeps the state that it was set to."""

    canary_seconds: int
    bake_seconds: int
    alarms: tuple[str, ...]
    abort: str

    def begin(self, cloudwatch: Any) -> None:
        """Whoever aborted the release before did not abort this one."""
        cloudwatch.set_alarm_state(AlarmName=self.abort, StateValue="OK", StateReason="a release begins")

    def require_quiet(self, cloudwatch: Any) -> frozenset[str]:
        """Alarms that ring for what payers do: they say nothing of a new model, and a better one may be the remedy.

        Raises Aborted and GuardRings.
        """
        found = cloudwatch.describe_alarms(AlarmNames=[*self.alarms, self.abort])["MetricAlarms"]
        rings = sorted(alarm["AlarmName"] for alarm in found if alarm["StateValue"] == "ALARM")
        if self.abort in rings:
            raise Aborted(f"{self.abort} was set: nothing is released")
        ours = [name for name in rings if not name.endswith(OF_TRAFFIC)]
        if ours:
            raise GuardRings(f"the release waits until what serves is well: {', '.join(ours)}")
        return frozenset(rings)

    def deployment(self, serving: Mapping[str, Any], ringing: frozenset[str] = frozenset()) -> dict:
        """DeploymentConfig of UpdateEndpoint for an endpoint with `serving["instances"]` instances.

        Alarms of `ringing` rang before: SageMaker would undo at once whatever is released.
        """
        instances = serving["instances"]
        routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        if instances > 1:
            size = {"Type": "INSTANCE_COUNT", "Value": max(1, instances // CANARY_OF)}
            routing = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": self.canary_seconds}
        alarms = [name for name in (*self.alarms, self.abort) if name not in ringing]
        waits = self.canary_seconds + self.bake_seconds
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": routing,
                "TerminationWaitInSeconds": self.bake_seconds,
                "MaximumExecutionTimeoutInSeconds": max(LEAST_TIMEOUT, TO_START + waits),
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
        }
