"""What a policy would have done, beside what was done: pure, over decisions with what is known of them today.

Expected cost is that of `training/policy.py` (Elkan, 2001), by action instead of by threshold: a passed fraud costs its
amount, a reviewed one the share that reviewers miss, a review a reviewer's minutes, a blocked honest payment friction.
A payment without a label counts as honest. Training does the same, but only with payments that have matured: here
those of the last days count, too, whose frauds may not have been reported yet. What was blocked is rarely labelled at
all. How many these are is told beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

from scoring.policy import Action, Policy

from features.payment import Payment
from training.policy import Costs

ACTIONS: tuple[Action, ...] = ("APPROVE", "REVIEW", "BLOCK")


@dataclass(frozen=True)
class Decided:
    """One stored decision: `values` are features by name, `is_fraud` the latest label or none, `day` YYYY-MM-DD."""

    payment: Payment
    day: str
    score: float | None
    action: Action
    values: Mapping[str, float | None]
    is_fraud: bool | None
    marks: frozenset[str] | None = frozenset()  # of the lists that the payment is on


@dataclass
class Outcome:
    """What one way of deciding comes to. Money in cents."""

    actions: Counter[str] = field(default_factory=Counter)
    fraud_cents: Counter[str] = field(default_factory=Counter)
    frauds: Counter[str] = field(default_factory=Counter)
    good_blocked: int = 0
    good_blocked_cents: int = 0
    unlabelled_blocked: int = 0
    reviews_by_day: Counter[str] = field(default_factory=Counter)

    def add(self, decided: Decided, action: str) -> None:
        amount = decided.payment.amount
        self.actions[action] += 1
        if decided.is_fraud:
            self.frauds[action] += 1
            self.fraud_cents[action] += amount
        elif action == "BLOCK":
            self.good_blocked += 1
            self.good_blocked_cents += amount
            self.unlabelled_blocked += decided.is_fraud is None
        if action == "REVIEW":
            self.reviews_by_day[decided.day] += 1

    def cost(self, costs: Costs) -> float:
        """In units of the currency."""
        lost = self.fraud_cents["APPROVE"] + (1 - costs.review_recall) * self.fraud_cents["REVIEW"]
        friction = costs.blocked_good * self.good_blocked + costs.review * self.actions["REVIEW"]
        return costs.lost_share * lost / 100 + friction

    def document(self, costs: Costs, days: Iterable[str]) -> dict:
        loads = {day: self.reviews_by_day[day] for day in days}
        return {
            "actions": {action: self.actions[action] for action in ACTIONS},
            "frauds": {action: self.frauds[action] for action in ACTIONS},
            "fraud_cents": {action: self.fraud_cents[action] for action in ACTIONS},
            "fraud_cents_caught": self.fraud_cents["BLOCK"] + self.fraud_cents["REVIEW"],
            "fraud_cents_missed": self.fraud_cents["APPROVE"],
            "good_blocked": self.good_blocked,
            "good_blocked_cents": self.good_blocked_cents,
            "unlabelled_blocked": self.unlabelled_blocked,
            "reviews_by_day": loads,
            "reviews_on_the_fullest_day": max(loads.values(), default=0),
            "expected_cost": self.cost(costs),
        }


@dataclass
class Spoken:
    """How often one rule of the candidate spoke, and how often without effect, with what is known of these payments."""

    times: int = 0
    without_effect: int = 0
    frauds: int = 0
    good: int = 0

    def add(self, is_fraud: bool | None, had_effect: bool) -> None:
        self.times += 1
        self.without_effect += not had_effect
        self.frauds += is_fraud is True
        self.good += is_fraud is False


def compare(decisions: Iterable[Decided], policy: Policy, costs: Costs) -> dict:
    """The document of a back-test: `stored` and `candidate` outcomes, and which decisions would change."""
    stored, candidate = Outcome(), Outcome()
    changed: Counter[tuple[str, str]] = Counter()
    per_day: Counter[str] = Counter()
    rules = {rule.name: Spoken() for rule in policy.rules}
    labelled = total = 0
    for decided in decisions:
        action, reasons, without_effect = policy.weigh(
            decided.score, decided.values, decided.payment, marks=decided.marks
        )
        for name in reasons:
            if name in rules:
                rules[name].add(decided.is_fraud, had_effect=True)
        for said in without_effect:
            if (name := said.partition(" ")[2]) in rules:
                rules[name].add(decided.is_fraud, had_effect=False)
        total += 1
        labelled += decided.is_fraud is not None
        per_day[decided.day] += 1
        stored.add(decided, decided.action)
        candidate.add(decided, action)
        if action != decided.action:
            changed[decided.action, action] += 1
    days = sorted(per_day)
    return {
        "policy_version": policy.version,
        "decisions": total,
        "labelled": labelled,
        "days": {day: per_day[day] for day in days},
        "reviewers_capacity_by_day": {day: costs.capacity * per_day[day] for day in days},
        "changed": {f"{old} -> {new}": times for (old, new), times in sorted(changed.items())},
        "stored": stored.document(costs, days),
        "candidate": candidate.document(costs, days),
        "rules": {name: asdict(spoken) for name, spoken in rules.items()},
    }


def told(found: dict) -> list[str]:
    """A back-test in lines for a reader."""
    old, new = found["stored"], found["candidate"]

    def line(title: str, show: Callable[[dict], str]) -> str:
        return f"{title:<34}{show(old):>16}{show(new):>16}"

    def money(cents: float) -> str:
        return f"{cents / 100:,.2f}"

    lines = [
        f"{found['decisions']} decisions on {len(found['days'])} days, {found['labelled']} with a label",
        f"{'':<34}{'as stored':>16}{'policy ' + found['policy_version'][:9]:>16}",
    ]
    lines += [line(action, lambda side, a=action: f"{side['actions'][a]:,}") for action in ACTIONS]  # type: ignore[misc]
    lines += [
        line("fraud money blocked", lambda side: money(side["fraud_cents"]["BLOCK"])),
        line("fraud money reviewed", lambda side: money(side["fraud_cents"]["REVIEW"])),
        line("fraud money missed", lambda side: money(side["fraud_cents_missed"])),
        line("good payments blocked", lambda side: f"{side['good_blocked']:,}"),
        line("  of these without a label", lambda side: f"{side['unlabelled_blocked']:,}"),
        line("good money blocked", lambda side: money(side["good_blocked_cents"])),
        line("reviews on the fullest day", lambda side: f"{side['reviews_on_the_fullest_day']:,}"),
        line("expected cost", lambda side: f"{side['expected_cost']:,.2f}"),
    ]
    lines += [f"changed {change}: {times:,}" for change, times in found["changed"].items()] or ["nothing changes"]
    if found["rules"]:
        lines.append(f"{'rule':<34}{'speaks':>10}{'no effect':>12}{'frauds':>10}{'honest':>10}")
    lines += [
        f"{name[:33]:<34}{s['times']:>10,}{s['without_effect']:>12,}{s['frauds']:>10,}{s['good']:>10,}"
        for name, s in found["rules"].items()
    ]
    capacity = found["reviewers_capacity_by_day"]
    over = [day for day, reviews in new["reviews_by_day"].items() if reviews > capacity[day]]
    if over:
        lines.append(f"more reviews than reviewers can look at on {len(over)} days, first on {over[0]}")
    return lines
