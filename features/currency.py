"""Amounts in the home currency: one rule for the lake and for the doors, in whole numbers.

A rate is units of the home currency for one unit of another, told for a day. Which one a payment is counted with must
not depend on when it is computed: a rate applies from a day on that lies behind the night in which it was published, so
that no door decides a day's payments without a rate that the lake will use for that day. Of those that apply on a
payment's day (UTC) the one told for the newest day counts. History that was there before the first publication has met
no door: there a rate applies from the day after its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from features.values import LARGEST_AMOUNT, day

UNIT = 10**9  # a rate is stored in billionths
LARGEST_RATE = 10**9
NO_CHANCE = 5  # days on which a currency was worth 1 are no chance
OLDEST = 35  # days that a rate is used after its own: holidays, not a feed that has ended
PUBLISHED = "quality/exchange_rates/published.json"  # in the lake
DAYS_AT_DOORS = 60


class UnknownCurrency(ValueError):
    """No rate of a payment's currency applies on its day. The text names both."""


class WrongRates(ValueError):
    """The rates do not tell which currency is the home currency; the text says what was expected."""


@dataclass(frozen=True)
class Rate:
    """`billionths` of a unit of the home currency for one unit of `currency`. Days are `2018-04-01`."""

    currency: str
    day: str
    billionths: int
    applies_from: str


@dataclass(frozen=True)
class Rates:
    """What is published. `home` is none as long as no payment and no rate has named any currency."""

    home: str | None = None
    rates: tuple[Rate, ...] = ()

    @cached_property
    def _by_currency(self) -> dict[str, list[tuple[str, str, int]]]:
        """Told day, first day and rate, by currency, in the order of the day from which the newest one is another."""
        found: dict[str, list[tuple[str, str, int]]] = {}
        for rate in sorted(self.rates, key=lambda rate: (rate.applies_from, rate.day)):
            known = found.setdefault(rate.currency, [])
            if not known or rate.day > known[-1][1]:  # an older one that came later replaces none
                known.append((rate.applies_from, rate.day, rate.billionths))
        return found

    def billionths(self, currency: str, on: str) -> int | None:
        """The rate for payments of a day; none where no rate applies."""
        if currency == self.home:
            return UNIT
        known = self._by_currency.get(currency, [])
        place = bisect_right(known, on, key=lambda rate: rate[0])
        if not place:
            return None
        _, told, billionths = known[place - 1]
        return billionths if (date.fromisoformat(on) - date.fromisoformat(told)).days <= OLDEST else None

    def home_cents(self, cents: int, currency: str | None, at: int) -> int:
        """Cents of the home currency for a payment at `at` (ms). One without a currency is in it.

        Raises UnknownCurrency where no rate applies, and where the amount would be larger than any may be.
        """
        if currency is None or self.home is None:
            return cents
        found = self.billionths(currency, day(at))
        if found is None:
            raise UnknownCurrency(f"no rate of this currency to {self.home} is known for {day(at)}")
        converted = half_even(cents * found, UNIT)
        if converted > LARGEST_AMOUNT * 100:
            raise UnknownCurrency(f"an amount of more than {LARGEST_AMOUNT} {self.home}")
        return converted

    def with_home(self, currency: str | None) -> Rates:
        """The same; with a home currency where there was none."""
        return self if self.home or currency is None else Rates(currency, self.rates)

    def published(self, told: Iterable[tuple[str, str, int]], today: str) -> Rates:
        """With further rates (currency, day, billionths), published today. What was published stays as it is.

        Raises WrongRates where they do not tell the home currency, or tell another one.
        """
        told = sorted(set(told))
        home = home_of(told, self.home)
        known = {(rate.currency, rate.day) for rate in self.rates}
        first = not self.rates
        new = [
            Rate(currency, on, billionths, after(on) if first else max(after(on), after(today)))
            for currency, on, billionths in told
            if (currency, on) not in known and currency != home
        ]
        return Rates(home, (*self.rates, *new)) if new or home != self.home else self

    def document(self) -> dict:
        return {"home": self.home, "rates": [[r.currency, r.day, r.billionths, r.applies_from] for r in self.rates]}

    @classmethod
    def parse(cls, document: Mapping | None) -> Rates:
        """Of no document: nothing has named a currency yet."""
        if document is None:
            return cls()
        return cls(document["home"], tuple(Rate(*told) for told in document["rates"]))

    def since(self, oldest: str) -> Rates:
        """Without rates that no payment from that day on is counted with."""
        kept = after(oldest, -OLDEST)
        return Rates(self.home, tuple(rate for rate in self.rates if rate.day >= kept))

    def current(self) -> Rates:
        """For payments of the days that doors meet, counted back from the newest rate."""
        newest = max((rate.day for rate in self.rates), default=None)
        return self if newest is None else self.since(after(newest, -DAYS_AT_DOORS))


def home_of(told: Iterable[tuple[str, str, int]], known: str | None = None) -> str | None:
    """The currency whose rate is 1 on every day; the one that is `known` where these do not speak against it.

    None where there are no rates and none is known. Raises WrongRates.
    """
    by_currency: dict[str, list[int]] = {}
    for currency, _, billionths in told:
        by_currency.setdefault(currency, []).append(billionths)
    ones = sorted(currency for currency, found in by_currency.items() if set(found) == {UNIT})
    if known is not None:
        others = [currency for currency in ones if currency != known and len(by_currency[currency]) >= NO_CHANCE]
        if set(by_currency.get(known, [UNIT])) != {UNIT} or (others and known not in ones):
            found = f"rates to {ones[0]}" if ones else f"a rate of {known} that is not 1"
            raise WrongRates(f"exchange_rates: expected rates to {known}, in which payments are counted, found {found}")
        return known
    if by_currency and len(ones) != 1:
        found = f"found {' and '.join(ones)}; declare `home` in columns.yaml" if ones else "found none"
        raise WrongRates(f"exchange_rates: expected rows of one currency with rate 1, the home currency; {found}")
    return ones[0] if ones else None


def spelt(currency: object) -> str | None:
    """A cell of the column `currency` in the spelling of ISO 4217; none where nothing stands in it."""
    text = currency.strip().upper() if isinstance(currency, str) else ""
    return text or None


def half_even(number: int, by: int) -> int:
    """`number / by`, both whole and not negative, to the nearest whole number, halves to the even one."""
    quotient, rest = divmod(number, by)
    return quotient + (2 * rest > by or (2 * rest == by and quotient % 2 == 1))


def after(on: str, days: int = 1) -> str:
    return str(date.fromisoformat(on) + timedelta(days=days))
