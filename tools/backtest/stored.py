"""Stored decisions with the latest labels, asked of Athena: only those features that the policy's rules look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from scoring.conditions import Feature, subjects
from scoring.lists import Lists
from scoring.policy import Policy

from features.fraud import FRAUD
from features.payment import Payment
from features.traffic import TRAFFIC_NAMES
from features.values import instant
from tools.athena import LAST_FIRST, text
from tools.backtest.comparison import Decided

TOGETHER = 1_000  # decisions whose lists are asked for at once
Ask = Callable[[str, str], list[dict[str, str]]]  # zone and SQL -> rows


@dataclass
class Stored:
    """Decisions from day to day, both included. `other_features` counts what cannot be judged again: rules look at
    features, and those of another version mean something else. `without_traffic` counts decisions that kept no traffic
    though rules look at it: these rules are silent on them. `other_models` counts scores of another model than the one
    that the policy's thresholds were solved for, where the policy names one."""

    ask: Ask
    database: str
    lists: Lists | None = None
    other_features: int = 0
    without_traffic: int = 0
    other_models: int = 0

    def decisions(self, policy: Policy, first: str, last: str) -> Iterator[Decided]:
        return self.with_lists(policy, self._decisions(policy, first, last))

    def _decisions(self, policy: Policy, first: str, last: str) -> Iterator[Decided]:
        features = looked_at(policy)
        for row in self.ask("decisions", query(self.database, features, first, last)):
            if features and row["feature_version"] != FRAUD.version:
                self.other_features += 1
                continue
            self.without_traffic += any(not row[name] for name in features if name in TRAFFIC_NAMES)
            self.other_models += policy.model is not None and row["model"] not in ("", policy.model)
            yield decided(row, features)

    def with_lists(self, policy: Policy, decisions: Iterator[Decided]) -> Iterator[Decided]:
        """Each with the lists that its payment is on now."""
        if self.lists is None or not (policy.memberships or policy.snooze_by):
            yield from decisions
            return
        while some := list(islice(decisions, TOGETHER)):
            marks = self.lists.marks(policy, [one.payment for one in some])
            yield from (replace(one, marks=each) for one, each in zip(some, marks, strict=True))


def looked_at(policy: Policy) -> list[str]:
    looked = subjects(rule.when for rule in policy.rules)
    return sorted(of.name for of in looked if isinstance(of, Feature))


def query(database: str, features: Sequence[str], first: str, last: str) -> str:
    """Of the decisions on one payment that the log holds the last, which was applied."""
    cells = "".join(f", {cell(name)} AS {name}" for name in features)
    kept = "".join(f", d.{name}" for name in features)
    return f"""
        WITH verdicts AS (
          SELECT transaction_id, max_by(is_fraud, reported_at) AS is_fraud
          FROM {database}_silver.fraud_labels GROUP BY transaction_id
        ), numbered AS (
          SELECT transaction_id, fraud_score, action, event_time, customer_id, merchant_id, amount_cents, attributes,
            feature_version, model, decision_date{cells},
            row_number() OVER (PARTITION BY transaction_id ORDER BY {LAST_FIRST}) AS turn
          FROM decisions WHERE decision_date BETWEEN {text(first)} AND {text(last)}
        )
        SELECT d.transaction_id, d.fraud_score, d.action, d.event_time, d.customer_id, d.merchant_id, d.amount_cents,
          d.attributes, d.feature_version, d.model, d.decision_date, v.is_fraud{kept}
        FROM numbered d LEFT JOIN verdicts v ON v.transaction_id = d.transaction_id
        WHERE d.turn = 1
    """


def cell(name: str) -> str:
    """Where a decision keeps what a rule looks at."""
    held, names = ("traffic", TRAFFIC_NAMES) if name in TRAFFIC_NAMES else ("vector", FRAUD.columns)
    return f"element_at({held}, {names.index(name) + 1})"


def decided(row: dict[str, Any], features: Sequence[str]) -> Decided:
    return Decided(
        payment=Payment(
            row["transaction_id"],
            instant(row["event_time"]),
            row["customer_id"],
            row["merchant_id"],
            int(row["amount_cents"]),
            further=json.loads(row["attributes"] or "{}"),
        ),
        day=row["decision_date"],
        score=float(row["fraud_score"]) if row["fraud_score"] else None,
        action=row["action"],
        values={name: seen(row, name) for name in features},
        is_fraud=bool(int(row["is_fraud"])) if row["is_fraud"] else None,
    )


def seen(row: dict[str, Any], name: str) -> float | None:
    """What the doors' rules saw of a feature: the amount also where there was no vector."""
    if row[name]:
        return float(row[name])
    return float(row["amount_cents"]) if name == "amount" else None
