"""What each customer of the generated population pays with: devices, addresses, cards, places, payees, currencies.

Drawn once by customer and merchant. What changes with time, such as a new phone or a journey, follows from the day by
`mixed`, so nothing grows with the calendar or with the number of payments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from datasets.exchange import Exchange
from datasets.places import (
    COUNTRY_NUMBER,
    COUNTRY_OF,
    CURRENCIES,
    CURRENCY_OF,
    HOME_CURRENCY,
    LATITUDE,
    LIVING,
    LONGITUDE,
    PLACES,
)

DAY_S = 86_400
CARD_PRESENT, ONLINE, CONTACTLESS, TRANSFER = range(4)  # channels by number
ENTRY_MODES = np.array(["chip", "contactless", "wallet", "magstripe", "keyed", "ecommerce"])
CHIP, TAPPED, WALLET, STRIPE, KEYED, ECOMMERCE = range(6)
TRADES = np.array(
    ["5411", "5812", "5541", "5732", "4111", "5912", "5651", "4814", "5816", "7011", "5942", "5999"]
)  # ISO 18245

HOUSEHOLD, IN_HOUSEHOLDS = 3, 0.3  # people who share an address and a computer, and the share of customers who do
COMPUTER, AT_COMPUTER = 0.6, 0.4  # share of customers who have one, and of their payments from home made with it
WALLETS, TWO_CARDS, SECOND_CARD = 0.3, 0.4, 0.25
KIOSKS = 0.03  # share of merchants at whose own device all customers pay
SEATS_AT_HOME = 0.8  # share of merchants whose online shop is in the home country
FOREIGN_MONEY = 0.7  # share of payments to a foreign shop that are in its currency
DECLINED = 0.01  # mean share of an honest customer's payments, for want of money, as a rule
STRIPES, TYPED = 0.02, 0.04  # share of payments by magnetic stripe at a shop, and by typed number from afar
FRIENDS = 0.3  # share of usual payees who are customers, too
HOME_LEASE = 45  # days that an address at home stays the same
CARRIERS, CARRIER_ADDRESSES = 3, 64  # of a country: phones on the road share addresses
CLOSE = 0.03  # degrees, about three kilometres: how far from home one shops

OWN = 0  # device or address: none other than the customer's own
DEFAULTS = {
    "episode": -1,
    "device": np.uint64(OWN),
    "address": np.uint64(OWN),
    "place": -1,
    "payee": -1,
    "entry": -1,
    "declined": np.nan,
}


def mixed(*parts: int | np.ndarray) -> np.ndarray:
    """Whole numbers -> 64 bits that look random and are always the same (the finaliser of splitmix64)."""
    state = np.zeros(np.broadcast_shapes((1,), *(np.shape(part) for part in parts)), dtype=np.uint64)
    for part in parts:
        state = (state ^ np.asarray(part).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state


def texts(numbers: np.ndarray, form: str) -> np.ndarray:
    """Numbers as text, each distinct one written once."""
    distinct, places = np.unique(numbers, return_inverse=True)
    return np.array([form % number for number in distinct.tolist()], dtype=object)[places]


def tokens(numbers: np.ndarray, letter: str) -> np.ndarray:
    """Twelve hexadecimal digits after a letter: too few to be taken for a card number."""
    return texts(numbers >> np.uint64(16), letter + "%012x")


def addresses(numbers: np.ndarray, country: np.ndarray) -> np.ndarray:
    """IPv4 addresses of 10.0.0.0/8, which are nobody's; each country has a sixteenth of them."""
    places = (country.astype(np.uint64) << np.uint64(20)) | (numbers >> np.uint64(44))
    distinct, back = np.unique(places, return_inverse=True)
    return np.array([f"10.{a >> 16}.{a >> 8 & 255}.{a & 255}" for a in distinct.tolist()], dtype=object)[back]


def known(cells: np.ndarray, where: np.ndarray) -> pd.Series:
    """Text cells, missing elsewhere; as text even where all of a slice are missing."""
    return pd.Series(cells, dtype="string").where(where)


class Means:
    """`strain` by customer: who is short of money is declined more often."""

    def __init__(self, seed: int, strain: np.ndarray, merchants: int, exchange: Exchange) -> None:
        self.seed, self.exchange = seed, exchange
        n = self.customers = len(strain)
        rng = np.random.default_rng([seed, 6])
        each = np.arange(n)
        self.household = np.where(rng.random(n) < IN_HOUSEHOLDS, each - each % HOUSEHOLD, each)
        self.home = rng.choice(len(PLACES), n, p=LIVING)[self.household]
        self.north, self.east = rng.normal(0, 0.08, (2, n))[:, self.household]
        self.phone_days, self.card_days = rng.uniform(300, 1_200, n), rng.uniform(700, 1_400, n)
        self.phase = rng.random(n)
        self.computer = rng.random(n) < COMPUTER
        self.journey_every, self.journey_days = rng.uniform(60, 400, n), rng.uniform(2, 12, n)
        self.carrier = rng.integers(0, CARRIERS, n)
        self.wallet, self.two_cards = rng.random(n) < WALLETS, rng.random(n) < TWO_CARDS
        self.declined = DECLINED * strain / strain.mean()

        # Accounts at other banks are numbered after the customers; the first ones are a landlord's or a club's.
        self.others = max(50, n // 4)
        popular = n + (self.others * rng.random((n, 4)) ** 3).astype(int)
        payees = np.where(rng.random((n, 4)) < FRIENDS, rng.integers(0, n, (n, 4)), popular)
        self.payees = np.where(payees == each[:, None], n, payees)  # nobody pays themselves

        self.trade = rng.integers(0, len(TRADES), merchants)
        self.seat = np.where(
            rng.random(merchants) < SEATS_AT_HOME,
            rng.integers(0, 3, merchants),
            rng.integers(3, len(PLACES), merchants),
        )
        self.kiosks = rng.choice(merchants, max(2, int(KIOSKS * merchants)), replace=False)

    def new_payees(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Accounts at other banks that hardly anybody has paid yet."""
        return self.customers + self.others + rng.integers(0, 9_000_000, size)

    def age(self, who: np.ndarray, day: np.ndarray, every: np.ndarray) -> np.ndarray:
        """How often something that lasts `every` days has been replaced by then, and how far on it is."""
        return day / every[who] + self.phase[who]

    def places(self, who: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Where the customers are: at home, or on a journey."""
        journeys = self.age(who, day, self.journey_every)
        number = np.floor(journeys)
        away = (journeys - number) * self.journey_every[who] < self.journey_days[who]
        return np.where(away, mixed(self.seed, 1, who, number) % np.uint64(len(PLACES)), self.home[who]).astype(int)

    def devices(
        self, rows: pd.DataFrame, rng: np.random.Generator, place: np.ndarray, entry: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which device pays, OWN (nought) where plastic does, and from which address."""
        size, who, channel = len(rows), rows["who"].to_numpy(), rows["channel"].to_numpy()
        day = rows["seconds"].to_numpy() / DAY_S
        at_home = place == self.home[who]
        phone = mixed(self.seed, 4, who, np.floor(self.age(who, day, self.phone_days)))
        computer = mixed(self.seed, 5, self.household[who])
        present = (channel == CARD_PRESENT) | (channel == CONTACTLESS)
        seated = ~present & at_home & self.computer[who] & (rng.random(size) < AT_COMPUTER)
        by_kiosk = present & np.isin(rows["merchant"], self.kiosks)
        kiosk = mixed(self.seed, 6, rows["merchant"].to_numpy())
        plastic = np.isin(entry, (CHIP, TAPPED, STRIPE))
        own = np.select([by_kiosk, plastic, seated], [kiosk, np.uint64(OWN), computer], phone)

        lease = np.floor(day / HOME_LEASE + self.phase[self.household[who]])
        home = mixed(self.seed, 7, self.household[who], lease)
        of_carrier = rng.integers(0, CARRIER_ADDRESSES, size)
        road = mixed(self.seed, 8, COUNTRY_NUMBER[place], self.carrier[who], of_carrier)
        at_desk = seated | (at_home & (rng.random(size) < 0.5))
        given = {name: rows[name].to_numpy() for name in ("device", "address")}
        return (
            np.where(given["device"] == OWN, own, given["device"]),
            np.where(given["address"] == OWN, np.where(at_desk, home, road), given["address"]),
        )

    def columns(self, rows: pd.DataFrame, rng: np.random.Generator) -> dict[str, Any]:
        """The contract's columns of payments, amounts in their currency.

        `rows`: who, seconds from the start, merchant and channel by number, amount in home money, and what is not the
        customer's own: see DEFAULTS.
        """
        size = len(rows)
        who, merchant, channel = (rows[name].to_numpy() for name in ("who", "merchant", "channel"))
        day = rows["seconds"].to_numpy() / DAY_S
        place = np.where(rows["place"] < 0, self.places(who, day), rows["place"])
        present, transfer = (channel == CARD_PRESENT) | (channel == CONTACTLESS), channel == TRANSFER
        payee = rows["payee"].to_numpy()
        of_payee = np.where(payee < self.customers, self.home[payee % self.customers], mixed(self.seed, 2, payee) % 3)
        paid_at = np.select([present, transfer], [place, of_payee.astype(int)], self.seat[merchant])
        foreign_money = ~transfer & (present | (rng.random(size) < FOREIGN_MONEY))
        currency = np.where(foreign_money, CURRENCY_OF[paid_at], CURRENCIES.index(HOME_CURRENCY))
        amount = self.exchange.abroad(rows["amount"].to_numpy(), currency, day.astype(int))

        entry = np.select(
            [channel == CONTACTLESS, present],
            [np.where(self.wallet[who], WALLET, TAPPED), np.where(rng.random(size) < STRIPES, STRIPE, CHIP)],
            np.where(rng.random(size) < TYPED, KEYED, ECOMMERCE),
        )
        entry = np.where(rows["entry"] < 0, entry, rows["entry"])
        declined = rows["declined"].fillna(pd.Series(self.declined[who], index=rows.index)).to_numpy()
        device, address = self.devices(rows, rng, place, entry)
        north, east = (
            np.where(present, centre[place] + np.where(place == self.home[who], near[who], 0), np.nan)
            + rng.normal(0, CLOSE, size)
            for centre, near in ((LATITUDE, self.north), (LONGITUDE, self.east))
        )
        beneficiary = np.where(
            payee < self.customers, texts(payee, "C%06d"), texts(np.maximum(payee - self.customers, 0), "X%07d")
        )
        second = self.two_cards[who] & (rng.random(size) < SECOND_CARD)
        card = mixed(self.seed, 3, who, np.floor(self.age(who, day, self.card_days)), second)
        return {
            "amount": np.round(np.maximum(amount, 0.1), 2),
            "currency": np.array(CURRENCIES)[currency],
            "country": COUNTRY_OF[place],
            "device_id": known(tokens(device, "D"), device != OWN),
            "ip": known(addresses(address, COUNTRY_NUMBER[place]), ~present),
            "merchant_country": COUNTRY_OF[paid_at],
            "card_id": known(tokens(card, "K"), ~transfer),
            "mcc": known(TRADES[self.trade[merchant]], ~transfer),
            "entry_mode": known(ENTRY_MODES[entry], ~transfer),
            "card_present": pd.array(np.where(transfer, None, present), dtype="boolean").astype("Int8"),
            "beneficiary_id": known(beneficiary, transfer),
            "latitude": np.round(north, 5),
            "longitude": np.round(east, 5),
            "authorised": (rng.random(size) >= declined).astype("int8"),
        }
