"""In which currencies a folder's payments are, and which of them the lake could not add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from features.contract import CONTRACTS
from features.currency import UNIT, Rates, WrongRates
from glue.rules import FAILURE_BUDGET
from tools.raw_data.loaded import Loaded
from tools.raw_data.meaning import filled, instant, readable

FUTURE = "9999-12-31"  # nothing of a folder is published yet: all its rates are history


@dataclass(frozen=True)
class Currencies:
    """What the lake will count with, and payments by currency, of those that name one; `unknown` are those among them
    that no rate is known of. `wrong` says why the rates cannot be used, empty where they can or there are none."""

    rates: Rates
    named: Counter[str]
    unknown: Counter[str]
    rows: int
    wrong: str = ""

    @property
    def home(self) -> str:
        return self.rates.home or ""

    @property
    def line(self) -> str:
        others = sum(self.named.values()) - self.named.get(self.home, 0)
        told = f"currency: amounts are counted in {self.home}" + (
            f", {others} of {self.rows} are in others" * bool(others)
        )
        return told + (f"; {self.lost} go to quarantine, since no rate is known of {self._shown}" if self.lost else "")

    @property
    def lost(self) -> int:
        return sum(self.unknown.values())

    @property
    def refused(self) -> list[str]:
        """Why the lake would not take the payments, or the rates."""
        found = [self.wrong] if self.wrong else []
        if self.lost > FAILURE_BUDGET * self.rows:
            found.append(
                f"transactions: column currency: {self.lost} of {self.rows} payments are in currencies of which no "
                f"rate to {self.home} is known on their day ({self._shown}); bring exchange_rates, or leave them out"
            )
        return found

    @property
    def _shown(self) -> str:
        return ", ".join(currency[:3] for currency, _ in self.unknown.most_common(5))


def currencies(loaded: Loaded) -> Currencies | None:
    """None where no payment names a currency."""
    if "transactions" not in loaded.files or "currency" not in loaded.columns("transactions"):
        return None
    at, spelt = instant("event_time"), f"upper(trim({filled('currency')}))"
    found = loaded.ask(
        f"SELECT {spelt}, strftime({at}, '%Y-%m-%d'), count(*) FROM {loaded.table('transactions')} "
        f"WHERE {spelt} <> '' AND {at} IS NOT NULL GROUP BY ALL"
    )
    if not found:
        return None
    ((rows,),) = loaded.ask(f"SELECT count(*) FROM {loaded.table('transactions')}")
    named: Counter[str] = Counter()
    for currency, _, count in found:
        named[currency] += count
    told_home = loaded.declared["exchange_rates"].home if "exchange_rates" in loaded.files else None
    rates, wrong = Rates().with_home(told_home), ""
    try:
        rates = rates.published(told(loaded), FUTURE)
    except WrongRates as why:
        wrong = str(why)
    rates = rates.with_home(min(named, key=lambda currency: (-named[currency], currency)))
    unknown: Counter[str] = Counter()
    for currency, on, count in found:
        if rates.billionths(currency, on) is None:
            unknown[currency] += count
    return Currencies(rates, named, unknown, rows, wrong)


def told(loaded: Loaded) -> list[tuple[str, str, int]]:
    """Currency, day and billionths of the folder's rates that can be read."""
    if "exchange_rates" not in loaded.files:
        return []
    day, rate = instant("day"), CONTRACTS["exchange_rates"].column("rate")
    rows = loaded.ask(
        f"SELECT trim(currency), strftime({day}, '%Y-%m-%d'), rate FROM {loaded.table('exchange_rates')} "
        f"WHERE {filled('currency')} IS NOT NULL AND {day} IS NOT NULL AND {readable(rate)}"
    )
    return [(currency, on, round(Decimal(cell) * UNIT)) for currency, on, cell in rows]
