"""Random payment logs with every awkward case: ties, zero amounts, bursts, silences, revised labels."""

from __future__ import annotations

import random
from dataclasses import dataclass

from features.declaration import DAY, MINUTE

START = 1_522_540_800_000  # 2018-04-01T00:00:00Z


@dataclass(frozen=True)
class Log:
    """`payments`: (transaction_id, customer_id, merchant_id, at, cents); `labels`: (transaction_id, is_fraud, at)."""

    payments: list[tuple[str, str, str, int, int]]
    labels: list[tuple[str, int, int]]


def event_log(seed: int, size: int, customers: int = 8, merchants: int = 5, days: int = 45) -> Log:
    rng = random.Random(seed)
    times = sorted(moment(rng, days) for _ in range(size))
    payments = [
        (
            f"t{i:06d}",
            f"c{rng.randrange(customers)}",
            f"m{rng.randrange(merchants)}",
            at,
            rng.choice([0, 1, rng.randrange(10**6)]),
        )
        for i, at in enumerate(times)
    ]
    labels = []
    for identifier, _, _, at, _ in payments:
        is_fraud = int(rng.random() < 0.1)
        labels.append((identifier, is_fraud, at + rng.randrange(0, 12 * DAY)))
        if rng.random() < 0.05:  # a judgement that was revised
            labels.append((identifier, 1 - is_fraud, at + rng.randrange(12 * DAY, 20 * DAY)))
    return Log(payments, labels)


def moment(rng: random.Random, days: int) -> int:
    """Half the payments fall on whole minutes, so that ties and tile edges are common."""
    at = START + rng.randrange(days * DAY)
    if rng.random() < 0.5:
        at -= at % MINUTE
    if rng.random() < 0.1:
        at -= at % DAY
    return at
