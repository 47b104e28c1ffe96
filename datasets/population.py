"""One population that both borrows and pays. Everything follows from the seed; no person's data is stored or needed.

Customers and merchants are drawn once (their number is bounded). Payments are then drawn slice by slice in order of
time, so memory does not grow with the number of payments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from datasets import loan_episodes, payment_episodes
from datasets.exchange import Exchange
from datasets.fraud_kinds import FRIENDLY_TOLD, FraudKinds, is_fraud
from datasets.lending import Lending
from datasets.means import Means

SLICE = 200_000  # payments drawn at once
MOST_CUSTOMERS = 200_000
DAY_S = 86_400
CHANNELS = np.array(["card_present", "online", "contactless", "transfer"])  # the last with fraud kinds alone
MISFORTUNES = np.array(["", "compromised_merchant", "stolen_card", "burst", "large_amount"])  # kinds of every set
TRUTH = ["kind", "episode"]  # beside `is_fraud`, with fraud kinds
COUNTRIES = np.array(["IE", "GB", "DE", "FR", "US"])
PURPOSES = np.array(["car", "debt_consolidation", "home_improvement", "medical", "education", "other"])


@dataclass(frozen=True)
class Settings:
    """`payments` in all over `days` days from `start`; `loans` applications spread over the same days.

    `lender`: decisions and monthly performance are told, too, with a `recession` and a `policy_change` from these days
    on. `frauds_only`: nobody tells that a payment was honest. `fraud_kinds`: what customers pay with is told, too, and
    further kinds of fraud occur. `loan_episode` and `payment_episode`: what befalls loans and payments from the day
    `episode_from` on, see datasets.loan_episodes and datasets.payment_episodes.
    """

    payments: int = 200_000
    loans: int = 8_000
    days: int = 80
    start: str = "2025-06-01"
    seed: int = 7
    lender: bool = False
    recession: str | None = None
    policy_change: str | None = None
    frauds_only: bool = False
    fraud_kinds: bool = False
    loan_episode: str | None = None
    payment_episode: str | None = None
    episode_from: str | None = None

    @property
    def turns(self) -> pd.Timestamp:
        """When episodes begin."""
        return pd.Timestamp(self.episode_from or self.start, tz="UTC")

    @property
    def customers(self) -> int:
        return int(np.clip(self.payments // 40, 500, MOST_CUSTOMERS))

    @property
    def merchants(self) -> int:
        return max(60, self.customers // 8)


class Population:
    """Customers, merchants and what befalls them. Rates are per day; times in seconds from the start."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        rng = np.random.default_rng([settings.seed, 0])
        n, m, days = settings.customers, settings.merchants, settings.days
        self.start = pd.Timestamp(settings.start)

        # A latent strain moves both behaviour and default: what a payment says about a loan is real in this population.
        self.strain = rng.beta(2, 5, n)
        self.protected = np.where(rng.random(n) < 0.3, "B", "A")
        self.income = np.exp(rng.normal(10.3 - 0.25 * (self.protected == "B") - 0.5 * self.strain, 0.45, n))
        self.rate = rng.gamma(2.0, 1.0, n) + 0.2
        self.mean_amount = np.exp(rng.normal(3.3, 0.5, n)) * (0.8 + 0.4 * rng.random(n))
        self.home = rng.integers(0, m, (n, 8))
        self.night_owl = 0.03 + 0.25 * self.strain * rng.random(n)

        # Misfortunes: cards stolen for days, merchants compromised for weeks, rings that test cards in bursts.
        stolen = rng.random(n) < 0.010 * days / 10
        self.stolen_from = np.where(stolen, rng.uniform(0, days, n), np.inf)
        self.stolen_until = self.stolen_from + rng.uniform(3, 14, n)
        compromised = rng.random(m) < 0.06
        self.compromised_from = np.where(compromised, rng.uniform(-10, days, m), np.inf)
        self.compromised_until = self.compromised_from + rng.uniform(7, 28, m)
        self.ring_merchants = rng.choice(m, max(2, m // 150), replace=False)

    @cached_property
    def customer_ids(self) -> np.ndarray:
        return np.array([f"C{i:06d}" for i in range(self.settings.customers)])

    @cached_property
    def merchant_ids(self) -> np.ndarray:
        return np.array([f"M{i:05d}" for i in range(self.settings.merchants)])

    def payments(self) -> Iterator[pd.DataFrame]:
        """Slices of payments, one stretch of time after the other, with `is_fraud` beside the contract's columns.

        With fraud kinds also TRUTH, and the payments of their episodes come on top of those that were asked for.
        """
        total, drawn, told = self.settings.payments, 0, 0
        slices = -(-total // SLICE)
        span = self.settings.days * DAY_S / slices
        for index in range(slices):
            size = min(SLICE, total - drawn)
            rows = self._slice(np.random.default_rng([self.settings.seed, 1, index]), size, index * span, span)
            if self.settings.fraud_kinds:
                rows = self.fraud_kinds.among(rows, index, index * span, span)
            payments = self._told(rows, index, told)
            if self.settings.payment_episode is not None:
                payments = payment_episodes.befallen(
                    self.settings.payment_episode, self.settings.turns, self.settings.seed, index, payments
                )
            yield payments
            drawn += size
            told += len(rows)

    def _slice(self, rng: np.random.Generator, size: int, begin: float, span: float) -> pd.DataFrame:
        """Customers, merchants, channels, countries by number, amounts, and `kind`: which of MISFORTUNES it is."""
        who = rng.choice(self.settings.customers, size, p=self.rate / self.rate.sum())
        seconds = np.sort(begin + rng.random(size) * span)
        seconds = self._into_waking_hours(rng, seconds, who)
        order = np.argsort(seconds, kind="stable")
        who, seconds = who[order], seconds[order]
        day = seconds / DAY_S
        merchant = np.where(
            rng.random(size) < 0.85,
            self.home[who, rng.integers(0, 8, size)],
            rng.integers(0, self.settings.merchants, size),
        )
        amount = np.exp(rng.normal(np.log(self.mean_amount[who]), 0.6))
        channel = rng.choice(3, size, p=[0.5, 0.35, 0.15])
        country = np.where(rng.random(size) < 0.93, 0, rng.integers(0, 5, size))
        kind = np.zeros(size, dtype=int)

        compromised = (day >= self.compromised_from[merchant]) & (day < self.compromised_until[merchant])
        hit = compromised & (rng.random(size) < 0.35)
        kind[hit] = 1

        stolen = (day >= self.stolen_from[who]) & (day < self.stolen_until[who]) & (rng.random(size) < 0.4)
        amount[stolen] *= rng.uniform(3, 8, stolen.sum())
        kind[stolen] = 2

        # A ring tests stolen cards with small amounts, many within minutes at one merchant.
        bursts = rng.poisson(size * 0.00025)
        for _ in range(bursts):
            at, card = int(rng.integers(0, size)), rng.integers(0, self.settings.customers)
            members = slice(at, min(size, at + int(rng.integers(4, 12))))
            who[members], merchant[members] = card, rng.choice(self.ring_merchants)
            amount[members] = rng.uniform(0.5, 9, members.stop - members.start)
            channel[members], kind[members] = 1, 3

        large = rng.random(size) < 0.0006
        amount[large] = rng.uniform(900, 4000, large.sum())
        kind[large & (rng.random(size) < 0.6) & (kind == 0)] = 4
        return pd.DataFrame(
            {
                "who": who,
                "seconds": seconds,
                "merchant": merchant,
                "amount": np.maximum(amount, 0.5),
                "channel": channel,
                "country": country,
                "kind": MISFORTUNES[kind],
            }
        )

    def _told(self, rows: pd.DataFrame, index: int, first: int) -> pd.DataFrame:
        payments = pd.DataFrame(
            {
                "transaction_id": [f"T{i:09d}" for i in range(first, first + len(rows))],
                "event_time": self._stamp(rows["seconds"].to_numpy()),
                "customer_id": self.customer_ids[rows["who"]],
                "merchant_id": self.merchant_ids[rows["merchant"]],
                "amount": np.round(rows["amount"], 2),
                "currency": "EUR",
                "channel": CHANNELS[rows["channel"]],
                "country": COUNTRIES[rows["country"]],
                "is_fraud": (rows["kind"] != "").astype(int),
            }
        )
        if not self.settings.fraud_kinds:
            return payments
        further = self.means.columns(rows, np.random.default_rng([self.settings.seed, 8, index]))
        episode = rows["episode"].astype("Int64").where(rows["episode"] >= 0)
        payments = payments.assign(**further, is_fraud=is_fraud(rows["kind"]), kind=rows["kind"], episode=episode)
        # A transfer has no merchant: whoever receives it is whom it pays.
        payments["merchant_id"] = further["beneficiary_id"].fillna(payments["merchant_id"]).astype(object)
        return payments

    @cached_property
    def exchange(self) -> Exchange:
        return Exchange(self.settings.seed, self.start, self.settings.days)

    @cached_property
    def means(self) -> Means:
        return Means(self.settings.seed, self.strain, self.settings.merchants, self.exchange)

    @cached_property
    def fraud_kinds(self) -> FraudKinds:
        asked = self.settings
        return FraudKinds(asked.seed, self.means, self.mean_amount, self.ring_merchants, asked.merchants, asked.days)

    def _into_waking_hours(self, rng: np.random.Generator, seconds: np.ndarray, who: np.ndarray) -> np.ndarray:
        """Most payments happen by day; a moment stays within its slice's day."""
        day = seconds // DAY_S
        by_day = rng.random(len(seconds)) > self.night_owl[who]
        hour = np.where(by_day, rng.normal(14, 3.2, len(seconds)), rng.uniform(0, 6, len(seconds)))
        return day * DAY_S + np.clip(hour, 0, 23.999) * 3600

    def _stamp(self, seconds: np.ndarray) -> pd.Series:
        moments = self.start + pd.to_timedelta(np.round(seconds * 1000), unit="ms")
        return pd.Series(moments.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z")

    def labels(self, payments: pd.DataFrame, index: int) -> pd.DataFrame:
        """What the bank learns of a slice and when: frauds as they are reported, honest payments after a week.

        A fraud reported later than a week was taken for honest first: it has two rows.
        """
        rng = np.random.default_rng([self.settings.seed, 2, index])
        when = pd.to_datetime(payments["event_time"])
        fraud = payments["is_fraud"].to_numpy() == 1
        delay_days = np.minimum(rng.lognormal(0.9, 0.8, len(payments)), 40)
        if self.settings.fraud_kinds:
            late = np.random.default_rng([self.settings.seed, 9, index]).uniform(*FRIENDLY_TOLD, len(payments))
            delay_days = np.where(payments["kind"] == "friendly_fraud", late, delay_days)
        week = pd.Timedelta(days=7)
        honest = payments.assign(reported_at=when + week, is_fraud=0)[~fraud | (delay_days > 7)]
        reported = payments.assign(reported_at=when + pd.to_timedelta(delay_days, unit="D").round("ms"))[fraud]
        told = [reported] if self.settings.frauds_only else [honest, reported]
        rows = pd.concat(told)[["transaction_id", "is_fraud", "reported_at"]]
        text = rows["reported_at"].dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z"
        return rows.assign(reported_at=text).sort_values(["reported_at", "transaction_id"], ignore_index=True)

    def loans(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Applications and their outcomes, observed thirty days later (first payment default)."""
        applications, outcomes, _ = self.risky_loans()
        return applications, outcomes

    def lending(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
        """Slices of a lender's decisions, of performance and of outcomes: see datasets.lending."""
        applications, _, risk = self.risky_loans()
        recession, change = (
            None if day is None else pd.Timestamp(day) for day in (self.settings.recession, self.settings.policy_change)
        )
        end = self.start + pd.Timedelta(days=self.settings.days)
        yield from Lending(self.settings.seed, end, recession, change).slices(applications, risk)

    def risky_loans(self) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
        """Applications, their outcomes, and the probability that each had of defaulting."""
        rng = np.random.default_rng([self.settings.seed, 3])
        size = self.settings.loans
        who = rng.integers(0, self.settings.customers, size)
        applied = np.sort(rng.uniform(0, self.settings.days * DAY_S, size))
        amount = np.round(np.exp(rng.normal(8.7, 0.6, size)), -2)
        term = rng.choice([12, 24, 36, 48, 60], size)
        income = np.round(self.income[who] * np.exp(rng.normal(0, 0.1, size)), -2)
        delinquencies = rng.poisson(2.0 * self.strain[who])
        utilisation = np.clip(rng.normal(0.25 + 0.6 * self.strain[who], 0.15), 0, 1.2).round(3)
        employment = np.round(rng.gamma(2, 3, size) * (1.2 - 0.5 * self.strain[who]), 1)
        purpose = rng.choice(PURPOSES, size)
        logit = (
            -4.6
            + 3.0 * self.strain[who]
            + 0.7 * delinquencies
            + 2.5 * utilisation
            + 2.2 * np.clip(amount / income, 0, 1)
            - 0.05 * employment
            + 0.4 * (purpose == "medical")
            + 2.0 * (self.night_owl[who] - 0.05)
        )
        risk = 1 / (1 + np.exp(-logit))
        chance = rng.random(size)
        identifiers = np.array([f"L{i:07d}" for i in range(size)])
        applications = pd.DataFrame(
            {
                "loan_id": identifiers,
                "customer_id": self.customer_ids[who],
                "applied_at": self._stamp(applied),
                "amount": amount,
                "term_months": term,
                "income": income,
                "employment_years": employment,
                "utilisation": utilisation,
                "delinquencies_2y": delinquencies,
                "purpose": purpose,
                "protected_group": self.protected[who],
            }
        )
        if self.settings.loan_episode is not None:
            applications, risk = loan_episodes.befallen(
                self.settings.loan_episode, self.settings.turns, self.settings.seed, applications, risk
            )
        defaulted = (chance < risk).astype(int)
        outcomes = pd.DataFrame(
            {"loan_id": identifiers, "defaulted": defaulted, "observed_at": self._stamp(applied + 30 * DAY_S)}
        )
        return applications, outcomes, risk
