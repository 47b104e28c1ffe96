"""Episodes of fraud among the payments of the generated population, and of honest customers who look alike.

An episode begins in its slice of the calendar and may reach beyond it, never beyond the last day. All of it comes from
streams of its own. Columns `kind` and `episode` are the truth, which no job reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from datasets.means import CONTACTLESS, DAY_S, DEFAULTS, ONLINE, STRIPE, TRANSFER, Means, mixed
from datasets.places import PLACES

# Episodes in 100,000 payments, at least one of each kind in a slice; a method of the same name draws one.
FRAUDS = {
    "account_takeover": 40,  # about five payments each
    "card_testing": 4,  # about thirty
    "ring": 6,  # about twenty-five
    "mule": 6,  # about twenty
}
# Honest customers who show the same traits, in the same order.
ALIKE = {
    "move": 20,  # a new computer at a new address, large payments and a new payee
    "rush": 4,  # a queue at one kiosk
    "office": 6,  # colleagues who order from one computer
    "collection": 8,  # friends who pay one of them, who pays on
}
FRIENDLY = 0.004  # share of honest online payments that their own customer calls a fraud later
FRIENDLY_TOLD = (30, 90)  # days after the payment
TRANSFERS, NEW_PAYEES = 0.15, 0.1  # share of honest online payments that are transfers, and of these to somebody new
BY_THIEVES = ("stolen_card", "burst", "compromised_merchant")  # frauds that the population draws in any case
ELSEWHERE = 0.5  # share of thieves' payments that come from another place than the customer is at
DECLINED_FRAUDS, DECLINED_TESTS = 0.12, 0.55  # share of payments
LEAST_CARDS, MOST_CARDS = 22, 45  # that one device tests
LEAST_MEMBERS, MOST_MEMBERS = 5, 9  # of a ring, and colleagues of an office
HOUR = 3_600
EPISODES = 1_000_000  # numbers of episodes in one slice

Part = dict[str, Any]  # columns of some rows: an array, or what all of them share


@dataclass(frozen=True)
class FraudKinds:
    """`mean_amount` by customer, in home money; cards are tested at `ring_merchants`; the calendar has `days`."""

    seed: int
    means: Means
    mean_amount: np.ndarray
    ring_merchants: np.ndarray
    merchants: int
    days: int

    def among(self, rows: pd.DataFrame, index: int, begin: float, span: float) -> pd.DataFrame:
        """The rows of a slice with those of its episodes, in order of time, as Means.columns takes them.

        `rows`: who, seconds, merchant, amount, channel, kind; `kind` is empty for ordinary payments.
        """
        rng = np.random.default_rng([self.seed, 7, index])
        rows = self.marked(rows, rng)
        parts = {name: [cells.to_numpy()] for name, cells in rows.items()}
        number = index * EPISODES
        for kind, rate in (FRAUDS | ALIKE).items():
            draw: Callable[[np.random.Generator, float], Iterator[Part]] = getattr(self, kind)
            for _ in range(max(1, round(rate * len(rows) / 100_000))):
                for part in draw(rng, begin + span * rng.random()):
                    size = max(np.size(cells) for cells in part.values())
                    part = {"country": 0, **DEFAULTS, **part, "kind": kind, "episode": number}
                    for name, column in parts.items():
                        column.append(np.broadcast_to(part[name], size))
                number += 1
        joined = pd.DataFrame({name: np.concatenate(column) for name, column in parts.items()})
        joined = joined[joined["seconds"] < self.days * DAY_S]
        return joined.sort_values("seconds", kind="stable", ignore_index=True)

    def marked(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Some ordinary payments become transfers, some are called frauds later; thieves pay with their own devices."""
        size, who = len(rows), rows["who"].to_numpy()
        rows = rows.assign(**DEFAULTS)
        honest_online = (rows["kind"] == "").to_numpy() & (rows["channel"] == ONLINE).to_numpy()
        what = rng.random(size)
        rows["kind"] = np.where(honest_online & (what < FRIENDLY), "friendly_fraud", rows["kind"])
        transfer = honest_online & (what >= 1 - TRANSFERS)
        usual = self.means.payees[who, rng.integers(0, self.means.payees.shape[1], size)]
        payee = np.where(rng.random(size) < NEW_PAYEES, self.means.new_payees(rng, size), usual)
        rows["channel"], rows["payee"] = np.where(transfer, TRANSFER, rows["channel"]), np.where(transfer, payee, -1)

        stolen = rows["kind"].isin(BY_THIEVES).to_numpy()
        afar = stolen & (rows["channel"] == ONLINE).to_numpy()
        thief = mixed(self.seed, 11, who, np.floor(rows["seconds"].to_numpy() / DAY_S / 7))
        rows["device"], rows["address"] = np.where(afar, thief, rows["device"]), np.where(afar, thief, rows["address"])
        rows["place"] = np.where(stolen & (rng.random(size) < ELSEWHERE), thief % np.uint64(len(PLACES)), -1).astype(
            int
        )
        copied = (rows["kind"] == "compromised_merchant") & ~afar & (rng.random(size) < 0.5)
        rows["entry"] = np.where(copied, STRIPE, -1)
        rows["declined"] = np.where(stolen, DECLINED_FRAUDS, np.nan)
        return rows

    # Frauds: each draws the payments of one episode that begins at `start` seconds.

    def account_takeover(self, rng: np.random.Generator, start: float) -> Iterator[Part]:
        """A stranger pays as the customer: another device and address, large amounts, somebody new is paid."""
        size, who = int(rng.integers(3, 8)), self.anybody(rng)
        yield {
            "who": who,
            "seconds": start + np.cumsum(rng.exponential(0.3 * HOUR, size)),
            "merchant": rng.integers(0, self.merchants, size),
            "amount": self.mean_amount[who] * rng.uniform(4, 12, size),
            "channel": np.where(np.arange(size) == 1, TRANSFER, rng.choice([ONLINE, TRANSFER], size, p=[0.7, 0.3])),
            "payee": self.means.new_payees(rng, 1),
            "device": number(rng),
            "address": number(rng),
            "place": int(rng.integers(0, len(PLACES))) if rng.random() < ELSEWHERE else self.means.home[who],
            "declined": DECLINED_FRAUDS,
        }

    def card_testing(self, rng: np.random.Generator, start: float) -> Iterator[Part]:
        """One device tries many cards at one merchant within an hour with tiny amounts; most are declined."""
        size = int(rng.integers(LEAST_CARDS, MOST_CARDS))
        yield {
            "who": rng.choice(self.means.customers, size, replace=False),
            "seconds": self.within(start, HOUR) + rng.uniform(0, 0.9 * HOUR, size),
            "merchant": rng.choice(self.ring_merchants),
            "amount": rng.uniform(0.5, 3, size),
            "channel": ONLINE,
            "device": number(rng),
            "address": number(rng),
            "place": int(rng.integers(0, len(PLACES))),
            "declined": DECLINED_TESTS,
        }

    def ring(self, rng: np.random.Generator, start: float) -> Iterator[Part]:
        """Five customers and more buy at the same few merchants from one or two devices, for days."""
        members = self.people(rng, LEAST_MEMBERS, MOST_MEMBERS)
        who = np.repeat(members, rng.integers(2, 6, len(members)))
        devices = numbers(rng, int(rng.integers(1, 3)))
        yield {
            "who": who,
            "seconds": self.by_day(rng, start, rng.uniform(5, 15), len(who)),
            "merchant": rng.choice(rng.integers(0, self.merchants, 3), len(who)),
            "amount": self.mean_amount[who] * rng.uniform(1.5, 5, len(who)),
            "channel": ONLINE,
            "device": rng.choice(devices, len(who)),
            "address": devices[0],
            "place": self.means.home[who[0]],
        }

    def mule(self, rng: np.random.Generator, start: float) -> Iterator[Part]:
        """Many customers who are deceived pay one account, which pays on within hours to accounts at other banks."""
        mule, *payers = self.people(rng, 7, 14)
        size = len(payers)
        received, amount = self.by_day(rng, start, rng.uniform(1, 3), size), rng.uniform(200, 2_500, size)
        merchant = int(rng.integers(0, self.merchants))
        yield transfers(np.array(payers), received, amount, mule, merchant)
        onward = received + rng.uniform(0.1, 3, size) * HOUR
        behind = rng.choice(self.means.new_payees(rng, 2), size)
        yield transfers(mule, onward, amount * rng.uniform(0.85, 0.97, size), behind, merchant)

    # Honest customers who look alike

    def move(self, rng: np.random.Generator, start: float) -> Iterator[Part]:
        size, who = int(rng.integers(2, 6)), self.anybody(rng)
        yield {
            "who": who,
            "seconds": self.by_day(rng, start, 0.3, size),
            "merchant": rng.integers(0, self.merchants, size),
            "amount": self.mean_amount[who] * rng.uniform(3, 10, size),
            "channel": np.where(np.arange(size) == 1, TRANSFER, ONLINE),
            "payee": self.means.new_payees(rng, 1),
            "device": number(rng),
            "address": number(rng),
            "place": int(rng.integers(0, len(PLACES))) if rng.random() < ELSEWHERE else self.means.home[who],
        }

    def rush(self, rng: np.random.Generator, start: float) -> Iterator[Part]:
        size = int(rng.integers(LEAST_CARDS, MOST_CARDS))
        yield {
            "who": rng.choice(self.means.customers, size, replace=False),
            "seconds": self.within(start, HOUR) + rng.uniform(0, 0.9 * HOUR, size),
            "merchant": rng.choice(self.means.kiosks),
            "amount": rng.uniform(0.5, 6, size),
            "channel": CONTACTLESS,
            "place": 0,
        }

    def office(self, rng: np.random.Generator, start: float) -> Iterator[Part]:
        colleagues = self.people(rng, LEAST_MEMBERS, MOST_MEMBERS)
        who = np.repeat(colleagues, rng.integers(2, 5, len(colleagues)))
        computer = number(rng)
        yield {
            "who": who,
            "seconds": self.by_day(rng, start, rng.uniform(5, 20), len(who)),
            "merchant": rng.choice(rng.integers(0, self.merchants, 2), len(who)),
            "amount": rng.uniform(8, 40, len(who)),
            "channel": ONLINE,
            "device": computer,
            "address": computer,
            "place": self.means.home[who[0]],
        }

    def collection(self, rng: np.random.Generator, start: float) -> Iterator[Part]:
        collector, *friends = self.people(rng, 6, 11)
        each = np.full(len(friends), float(rng.integers(10, 300)))
        received = self.by_day(rng, start, rng.uniform(0.5, 2), len(friends))
        merchant = int(rng.integers(0, self.merchants))
        yield transfers(np.array(friends), received, each, collector, merchant)
        onward = received.max() + rng.uniform(0.2, 12, 1) * HOUR
        yield transfers(collector, onward, each.sum() + each[0], self.means.payees[collector, 0], merchant)

    def anybody(self, rng: np.random.Generator) -> int:
        return int(rng.integers(0, self.means.customers))

    def people(self, rng: np.random.Generator, least: int, most: int) -> np.ndarray:
        return rng.choice(self.means.customers, int(rng.integers(least, most + 1)), replace=False)

    def within(self, start: float, length: float) -> float:
        """The start, or as late as leaves the episode its length within the calendar."""
        return max(0.0, min(start, self.days * DAY_S - length))

    def by_day(self, rng: np.random.Generator, start: float, days: float, size: int) -> np.ndarray:
        """Moments in waking hours of some days, all within the calendar."""
        days = min(days, float(self.days))
        day = np.floor(self.within(start, days * DAY_S) / DAY_S + rng.uniform(0, days, size))
        return np.minimum(day, self.days - 1) * DAY_S + np.clip(rng.normal(14, 3.2, size), 0, 23.5) * HOUR


def is_fraud(kind: pd.Series) -> pd.Series:
    return (~kind.isin(["", *ALIKE])).astype(int)


def transfers(
    who: np.ndarray | int, at: np.ndarray, amount: np.ndarray | float, payee: np.ndarray | int, merchant: int
) -> Part:
    return {"who": who, "seconds": at, "merchant": merchant, "amount": amount, "channel": TRANSFER, "payee": payee}


def number(rng: np.random.Generator) -> np.uint64:
    """Of a device or an address that nobody else has."""
    return numbers(rng, 1)[0]


def numbers(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.integers(1, 2**64 - 1, size, dtype=np.uint64)
