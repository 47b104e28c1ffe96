"""The rules that the attacks meet: beside the live ones for as long as they are played, and gone afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tools.attacks.doors import PATIENCE_S, Doors
from tools.operate.platform import wait
from tools.operators import Change, Lists, Operators, ruling

ALLOWED = 3  # payments of one customer within ten minutes
CROWD = 30  # payments at one merchant, or from one address, within ten minutes
AT_ONCE = 8  # probes: each instance of a door reads the policy for itself


@dataclass(frozen=True)
class Rules:
    """Names of rules, which are reasons of decisions. `version` is that of the policy."""

    run: str

    @property
    def version(self) -> str:
        return self.run

    @property
    def velocity(self) -> str:
        return f"{self.run}-velocity"

    @property
    def crowd(self) -> str:
        return f"{self.run}-crowd"

    @property
    def address(self) -> str:
        return f"{self.run}-address"

    @property
    def high(self) -> str:
        return f"{self.run}-high"

    @property
    def device(self) -> str:
        """Also the name of its list."""
        return f"{self.run}-device"

    @property
    def listed_device(self) -> str:
        return f"{self.run}-d-ring"

    def document(self, live: dict[str, Any]) -> dict[str, Any]:
        """The operators' file that has the live rules and these. Thresholds stay the model's, whatever it says."""
        # A count is that of the payments before this one: the fourth has three behind it.
        limits = (
            (self.velocity, "customer_payment_count_10m", ALLOWED - 1, "BLOCK"),
            (self.crowd, "traffic_payment_count_10m", CROWD, "BLOCK"),
            (self.address, "address_traffic_payment_count_10m", CROWD, "BLOCK"),
            (self.high, "high_for_customer", 0, "REVIEW"),
        )
        ours: list[dict] = [
            {"name": n, "feature": f, "above": above, "action": action} for n, f, above, action in limits
        ]
        listed = {"name": self.device, "field": "device_id", "among": [self.listed_device], "action": "BLOCK"}
        return {
            "version": self.version,
            "review_at": 0,
            "block_at": 1,
            "explore_share": live.get("explore_share", 0.0),
            "rules": [*live["rules"], *ours, listed],
            **{part: live[part] for part in ("snooze_by",) if part in live},
        }

    def put_back(self, before: dict[str, Any]) -> Change:
        """The change that makes the rules live that were so before. What an operator has changed meanwhile stays."""

        def change(ruled: dict, lists: Lists) -> tuple[dict, Lists]:
            kept = before if ruled["version"] == self.version else ruled
            others = {name: one for name, one in lists.items() if name != self.device}
            return {part: value for part, value in kept.items() if part != "lists"}, others

        return change


@contextmanager
def beside_the_live_ones(operators: Operators, rules: Rules) -> Iterator[None]:
    before: dict[str, Any] = {}

    def change(ruled: dict, lists: Lists) -> tuple[dict, Lists]:
        before.clear()
        before.update(ruled)
        return ruling(rules.document(ruled))(ruled, lists)

    operators.change(change)
    try:
        yield
    finally:
        operators.change(rules.put_back(before))


def await_both_doors(doors: Doors, rules: Rules) -> None:
    """Until all of several answers at once, and all decisions of the stream, are by these rules. Raises StepFailed."""
    rounds = itertools.count()

    def probes(door: str) -> list[dict]:
        number = next(rounds)
        return [doors.payment(f"probe-{door}-{number}-{n}") for n in range(AT_ONCE)]

    def asked() -> list[dict]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [said for _, said in pool.map(doors.ask, probes("api"))]

    def streamed() -> list[dict]:
        paid = probes("stream")
        for payment in paid:
            doors.stream(payment)
        return list(doors.decided(paid).values())

    for ask, door in ((asked, "API"), (streamed, "stream")):
        wait(
            lambda ask=ask: {"said": ask()},  # type: ignore[misc]
            lambda found: all(is_judged_by(rules, said) for said in found["said"]),
            hours=PATIENCE_S / 3600,
            what=f"the {door} door to judge by {rules.version}",
        )


def is_judged_by(rules: Rules, decision: Any) -> bool:
    return isinstance(decision, dict) and f"+{rules.version}@" in decision.get("policy_version", "")
