"""What is no payment: refused with a sentence by the API door, set aside by the stream door, in nobody's way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from features.declaration import DAY
from features.message import AGGREGATE
from features.values import iso
from tools.attacks.doors import Doors, Place, now
from tools.attacks.verdict import Attack

CARD = "4111111111111111"  # the number that every processor's test pages name
SPACED = " ".join(CARD[start : start + 4] for start in range(0, 16, 4))
DEEP = 100_000
REFUSED = (400, 413)
TOO_LARGE = 2**18 + 1  # characters, for the API door; the stream takes a payment of that size


def bodies(good: Mapping[str, object], tomorrow: str) -> dict[str, bytes]:
    """What is wrong, and a body that has it. `good` is a payment, `tomorrow` a time that is too far ahead."""

    def but(**changed: object) -> bytes:
        return json.dumps({**good, **changed}).encode()

    def spelt(column: str, as_json: str) -> bytes:
        """A cell that Python's JSON would not write."""
        return but(**{column: "HERE"}).replace(b'"HERE"', as_json.encode())

    return {
        "no JSON": b"pay me",
        "nothing": b" ",
        "bytes that are no text": b"\xff\xfe\x00\x01",
        "JSON cut off": but()[:-5],
        "a list": b"[1, 2, 3]",
        "two payments in one": but() + but(),
        "an aggregate record": AGGREGATE + but(),
        "nested too deep to be read": spelt("note", "[" * DEEP + "]" * DEEP),
        "a column missing": json.dumps({k: v for k, v in good.items() if k != "amount"}).encode(),
        "a card number as the customer": but(customer_id=CARD),
        "a card number deep in a column": but(note={"of": [{"this": CARD}]}),
        "a card number as a column's name": but(**{CARD: "1"}),
        "a card number as a number": spelt("note", CARD),
        "a card number in groups within a text": but(note=f"paid with {SPACED}, thanks"),
        "a card number in groups with spaces that do not break": but(note=SPACED.replace(" ", "\u00a0")),
        "a card number in full width": but(note="".join(chr(ord(c) + 0xFEE0) for c in CARD)),
        "a card's first track": but(note=f"%B{CARD}^DOE/JANE^2912101"),
        "a number beyond all numbers": spelt("amount", "1e999"),
        "an amount of forty digits": but(amount="9" * 40),
        "NaN": spelt("amount", "NaN"),
        "Infinity in a further column": spelt("note", "Infinity"),
        "half a surrogate as the customer": spelt("customer_id", '"\\ud800"'),
        "a line break in an identifier": but(customer_id="a\nb"),
        "an identifier too long": but(merchant_id="m" * 129),
        "a number as the customer": but(customer_id=7),
        "an object as the merchant": but(merchant_id={"id": "m"}),
        "a truth value as the amount": but(amount=True),
        "a list as the amount": but(amount=["1.00"]),
        "a negative amount": but(amount="-1.00"),
        "a day alone as the time": but(event_time=str(good["event_time"])[:10]),
        "a minute alone as the time": but(event_time=str(good["event_time"])[:16]),
        "a time of tomorrow": but(event_time=tomorrow),
        "a word as the time": but(event_time="yesterday"),
        "a decision that is none": but(decision={"action": "APPROVE"}),
    }


def explained(status: int, said: object) -> bool:
    """Refused with a sentence, and the sentence does not repeat a card number."""
    sentence = said.get("error") if isinstance(said, dict) else None
    return status in REFUSED and isinstance(sentence, str) and " " in sentence.strip() and not shows_card(sentence)


def shows_card(text: str) -> bool:
    return CARD in "".join(c for c in text if c not in " \u00a0-")


def unlike(names: Sequence[str], fine: Sequence[bool]) -> str:
    """Those of which something is not as it should be."""
    wrong = [name for name, is_fine in zip(names, fine, strict=True) if not is_fine]
    return f"; not so: {', '.join(wrong)}" if wrong else ""


def at_the_api(doors: Doors) -> Iterator[Attack]:
    """The API door knows no decisions: one that comes with a payment is a further column to it."""
    sent = {
        **bodies(doors.payment("hostile-api"), iso(now() + DAY)),
        "too large": json.dumps({"note": "x" * TOO_LARGE}).encode(),
    }
    del sent["a decision that is none"]
    good, fine, answered = [], [], 0
    for number, body in enumerate(sent.values()):
        fine.append(explained(*doors.ask(body)))
        good.append(doors.payment(f"between-api-{number}"))
        answered += doors.ask(good[-1])[0] == 200
    decided = doors.decided(good)
    yield Attack(
        "hostile input, API",
        f"{len(sent)} bodies that are no payment, a good payment behind each",
        "400 or 413 with a sentence, which repeats no card number; every good payment answered and logged",
        f"{sum(fine)} refused with a sentence; {answered} of {len(good)} good ones answered, {len(decided)} logged"
        f"{unlike(list(sent), fine)}",
        all(fine) and answered == len(decided) == len(good),
    )


def on_the_stream(doors: Doors) -> Iterator[Attack]:
    bad = doors.payment("hostile-stream", customer="hostile")
    key = bad["customer_id"]
    sent, good = bodies(bad, iso(now() + DAY)), []
    places: list[Place] = []
    for number, data in enumerate(sent.values()):
        places.append(doors.put(data, key))
        good.append(doors.payment(f"between-stream-{number}", customer="hostile"))
        doors.stream(good[-1])
    places.append(doors.put(json.dumps(bad).encode(), f"{doors.run}-of-another"))
    names = [*sent, "the partition key of another customer"]
    aside, decided = doors.set_aside(places), doors.decided(good)
    fine = [place in aside and not shows_card(json.dumps(aside[place], ensure_ascii=False)) for place in places]
    lines = len(doors.logged(bad["transaction_id"]))
    yield Attack(
        "hostile input, stream",
        f"{len(places)} records that are no payment, a good payment of the same customer behind each",
        "all set aside with no card number, none decided; every good payment decided",
        f"{sum(fine)} set aside, {lines} decided; {len(decided)} of {len(good)} good ones decided{unlike(names, fine)}",
        all(fine) and lines == 0 and len(decided) == len(good),
    )
