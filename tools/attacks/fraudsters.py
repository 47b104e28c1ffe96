"""What fraudsters do, each beside somebody honest who looks alike: card testing, takeover of an account, a ring."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from features.traffic import TRAFFIC_NAMES
from tools.attacks.doors import PATIENCE_S, POLL_S, Doors, now
from tools.attacks.rules import CROWD, Rules
from tools.attacks.verdict import Attack

TESTED = 2 * CROWD  # payments before anybody looks
BUSY = CROWD // 2
AFTERWARDS = 10
MINUTES = 60_000
HISTORY = 12  # payments: with fewer, large ones soon look usual
LARGE = 3  # more would be too many in ten minutes
RING = 8


@dataclass(frozen=True)
class Spoken:
    """Of how many payments a rule has spoken, and of how many it must: all of the fraud, none that is honest."""

    fraud: int
    of_fraud: int
    honest: int
    of_honest: int

    @property
    def holds(self) -> bool:
        return self.fraud == self.of_fraud and self.honest == 0

    def told(self) -> str:
        return (
            f"the rule speaks on {self.fraud} of {self.of_fraud} payments, and on {self.honest} of "
            f"{self.of_honest} honest ones"
        )


def spoken(decided: Mapping[str, dict], rule: str, fraud: Iterable[dict], honest: Iterable[dict]) -> Spoken:
    """An honest payment without a decision counts as one of which the rule spoke: nobody knows better."""
    fraud, honest = list(fraud), list(honest)

    def speaks(payment: dict) -> bool | None:
        decision = decided.get(payment["transaction_id"])
        return None if decision is None else rule in decision["reasons"]

    return Spoken(
        sum(speaks(payment) is True for payment in fraud),
        len(fraud),
        sum(speaks(payment) is not False for payment in honest),
        len(honest),
    )


@dataclass(frozen=True)
class Counted:
    """Whose traffic a rule counts: `where` a payment happens, by a name, and what the windows' names begin with."""

    rule: str
    where: Callable[[str], dict[str, Any]]
    traffic: str
    name: str
    shared: str
    honest: str


def card_testing(doors: Doors, rules: Rules) -> Iterator[Attack]:
    """At one merchant; and from one address, at as many merchants as there are payments. Traffic is counted behind the
    payments, so the rule is asked for once the count is there."""
    for counted in (
        Counted(
            rules.crowd,
            lambda name: {"merchant": f"m-{name}"},
            "traffic",
            "card testing",
            "at one merchant",
            "at a busy honest merchant",
        ),
        Counted(
            rules.address,
            lambda name: {"ip": f"{doors.run}-ip-{name}"},
            "address_traffic",
            "card testing from one address",
            "from one address, each at another merchant",
            "from a busy honest address",
        ),
    ):
        yield tested(doors, counted)


def tested(doors: Doors, counted: Counted) -> Attack:
    def pays(name: str, where: str, number: int) -> dict:
        called = f"{counted.traffic}-{name}-{number}"
        more: dict[str, Any] = {"merchant": f"m-{called}", **counted.where(where)}
        return doors.payment(called, amount="0.50", **more)

    tests = [pays("test", "tested", n) for n in range(TESTED)]
    honest = [pays("busy", "busy", n) for n in range(BUSY)]
    for payment in (*tests, *honest):
        doors.stream(payment)
    doors.decided([*tests, *honest])
    counted_up_to(doors, counted, partial(pays, "look", "tested"), CROWD + 1)
    honest += counted_up_to(doors, counted, partial(pays, "glance", "busy"), BUSY)
    later = [pays("later", "tested", n) for n in range(AFTERWARDS)]
    for number, payment in enumerate(later):
        if number % 2:
            doors.stream(payment)
        else:
            doors.ask(payment)
    decided = doors.decided([*tests, *later, *honest])
    found = spoken(decided, counted.rule, later, honest)
    before = sum(counted.rule not in d["reasons"] for p in tests if (d := decided.get(p["transaction_id"])))
    return Attack(
        counted.name,
        f"{TESTED} payments of 0.50 of as many customers {counted.shared}, and {AFTERWARDS} once they are counted; "
        f"{len(honest)} {counted.honest}",
        f"once more than {CROWD} payments in ten minutes are counted each further one is blocked; none of the honest "
        "ones. Those that come before the counter pass: it lags",
        f"{found.told()}; {before} of the first {TESTED} passed before the counter",
        found.holds,
    )


def counted_up_to(doors: Doors, counted: Counted, pays: Callable[[int], dict], many: int) -> list[dict]:
    """Payments that were made to look how far the counter is, each after a longer pause than the last."""
    made: list[dict] = []
    place = TRAFFIC_NAMES.index(f"{counted.traffic}_payment_count_10m")
    until, pause = time.monotonic() + PATIENCE_S, POLL_S
    while time.monotonic() < until:
        made.append(pays(len(made)))
        status, said = doors.ask(made[-1])
        if status == 200 and said["traffic"] is not None and said["traffic"][place] >= many:
            break
        time.sleep(pause)
        pause *= 2  # each of them counts, too
    return made


def takeover(doors: Doors, rules: Rules) -> Iterator[Attack]:
    begun = now()

    def known(customer: str) -> list[dict]:
        """Payments of the last hours, with the customer's own device."""
        return [
            doors.payment(
                f"{customer}-{n}", begun - (HISTORY - n) * 20 * MINUTES, customer, "m-usual", amount="10.00",
                device_id=f"{doors.run}-d-{customer}",
            )
            for n in range(HISTORY)
        ]  # fmt: skip

    def with_another_device(customer: str, amount: str) -> list[dict]:
        return [
            doors.payment(
                f"{customer}-new-{n}", customer=customer, merchant=f"m-new-{n}", amount=amount,
                device_id=f"{doors.run}-d-new-{customer}",
            )
            for n in range(LARGE)
        ]  # fmt: skip

    past = [*known("victim"), *known("mover")]
    for payment in past:
        doors.stream(payment)
    doors.decided(past)
    stolen, honest = with_another_device("victim", "900.00"), with_another_device("mover", "12.00")
    for number, payment in enumerate((*stolen, *honest)):
        if number % 2:
            doors.stream(payment)
        else:
            doors.ask(payment)
    found = spoken(doors.decided([*stolen, *honest]), rules.high, stolen, honest)
    yield Attack(
        "takeover",
        f"{HISTORY} payments of 10.00 of a known customer, then {LARGE} of 900.00 with another device at new merchants;"
        f" the same of another customer with {LARGE} of 12.00",
        "each large payment is reviewed for its amount, none of the honest customer's. No feature sees that the device "
        "has changed",
        found.told(),
        found.holds,
    )


def ring(doors: Doors, rules: Rules) -> Iterator[Attack]:
    shared = [doors.payment(f"ring-{n}", device_id=rules.listed_device) for n in range(RING)]
    family = [doors.payment(f"family-{n}", device_id=f"{doors.run}-d-family") for n in range(3)]
    for number, payment in enumerate((*shared, *family)):
        if number % 2:
            doors.stream(payment)
        else:
            doors.ask(payment)
    found = spoken(doors.decided([*shared, *family]), rules.device, shared, family)
    yield Attack(
        "ring",
        f"a payment of each of {RING} customers with one device, which is on a list; 3 of a family with another one",
        "each payment with the listed device is blocked, at both doors, none of the family's. The platform counts no "
        "customers of a device: a ring is not found by itself, somebody has to put its device on the list",
        found.told(),
        found.holds,
    )
