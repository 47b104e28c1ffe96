"""Card numbers as people write them, and numbers that are none and look like some. Drawn from a seed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator

from features.cards import FULL_WIDTH, passes_luhn

# First digits and length, of the schemes whose cards are about.
BEGINNINGS = [
    *((str(n), 16) for n in (4, 51, 55, 2221, 2500, 2720, 6011, 644, 65, 62, 3528, 3589, 50, 58, 67, 81, 2200)),
    *((str(n), 15) for n in (34, 37)),
    *((str(n), 14) for n in (300, 305, 36, 38, 39)),
    *((str(n), 19) for n in (4, 62, 65)),
]


def card(drawn: random.Random) -> str:
    beginning, length = drawn.choice(BEGINNINGS)
    body = beginning + "".join(drawn.choice("0123456789") for _ in range(length - 1 - len(beginning)))
    return next(body + check for check in "0123456789" if passes_luhn(body + check))


def grouped(number: str, between: str) -> str:
    """In the groups that are printed on the card."""
    sizes = {15: (4, 6, 5), 14: (4, 6, 4)}.get(len(number), (4, 4, 4, 4, 3))
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return between.join(part for part in parts if part)


def spelt(between: str) -> Callable[[str], str]:
    return lambda number: grouped(number, between)


SPELLINGS: list[Callable[[str], str]] = [
    str,
    *map(spelt, (" ", "-", ".", "_", "/", ":", "*", "|", ",", "\t", "  ", " - ", "--", "\u00a0", "\u2009", "\u202f")),
    *map(spelt, ("\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\u00b7", "\\", "\u3000", "\u200b", ", ")),
    lambda n: " ".join(n),
    lambda n: "-".join(n),
    lambda n: f"{n[:6]} {n[6:]}" if len(n) > 15 else n,
    lambda n: f"  {n}\n",
    lambda n: f"{n}.0",
    lambda n: f'"{n}"',
    lambda n: f"({grouped(n, ' ')})",
    lambda n: f"card:{n}.",
    lambda n: f"paid with {grouped(n, ' ')}, thanks",
    lambda n: f"tx_{n}",
    lambda n: f"{n}-1",
    lambda n: f"%B{n}^DOE/JANE^30121010000000000000?",
    lambda n: f";{n}=30121010000000000000?",
    lambda n: n.translate(str.maketrans("0123456789", FULL_WIDTH)),
    lambda n: grouped(n, "-").translate(str.maketrans("0123456789", FULL_WIDTH)),
    lambda n: f"note\n{n}\nend",
    lambda n: f"<pan>{n}</pan>",
    lambda n: f"pan={n}&exp=1230",
]


def alike(drawn: random.Random) -> Iterator[str]:
    """One of each kind of number that is no card's."""
    seconds = drawn.randrange(946_684_800, 2_145_916_800)  # 2000 to 2037
    yield str(seconds * 1000 + drawn.randrange(1000))
    yield str(seconds * 1_000_000 + drawn.randrange(1_000_000))
    yield str(seconds * 1_000_000_000 + drawn.randrange(1_000_000_000))
    yield str(drawn.randrange(1_000_000_000_000_000_000, 2_100_000_000_000_000_000))  # a snowflake of today
    yield str(drawn.randrange(10_000_000_000_000_000, 999_999_999_999_999_999))  # one of 17 or 18 digits
    day = f"20{drawn.randrange(0, 60):02}{drawn.randrange(1, 13):02}{drawn.randrange(1, 29):02}"
    yield f"{day}{drawn.randrange(24):02}{drawn.randrange(60):02}{drawn.randrange(60):02}"
    yield f"{day}{drawn.randrange(10**8):08}"
    yield f"ORD-{day}-{drawn.randrange(10**8):08}"
    yield f"{drawn.randrange(100, 1000)}-{drawn.randrange(10**7):07}-{drawn.randrange(10**7):07}"
    yield f"+{drawn.randrange(10**10, 10**15)}"
    yield f"+49 {drawn.randrange(100, 1000)} {drawn.randrange(10**7, 10**8)}"
    yield f"00{drawn.randrange(10**10, 10**13)}"
    yield str(uuid.UUID(int=drawn.getrandbits(128), version=4))
    yield uuid.UUID(int=drawn.getrandbits(128), version=4).hex
    yield imei(drawn)
    yield f"{drawn.uniform(-90, 90):.7f},{drawn.uniform(-180, 180):.7f}"
    yield f"0.{drawn.randrange(10**15, 10**16)}"
    yield ".".join(str(drawn.randrange(256)) for _ in range(4))


def imei(drawn: random.Random) -> str:
    body = drawn.choice(("35", "86", "01", "99")) + "".join(drawn.choice("0123456789") for _ in range(12))
    return next(body + check for check in "0123456789" if passes_luhn(body + check))
