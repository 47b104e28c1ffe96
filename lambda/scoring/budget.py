"""How long each call of a door may take: every time limit and every number of tries, in one place.

boto3's own defaults (60 s, 5 tries) would outlive any payment. What a door can wait at worst is the sum of its calls;
`tests/unit/lambda_functions/test_budget.py` holds it below the time limits of Lambda and API Gateway.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from botocore.config import Config


@dataclass(frozen=True)
class Call:
    """Seconds to connect and to read, tries of boto3 for one request, and requests for one purpose."""

    connect: float
    read: float
    tries: int = 1
    requests: int = 1

    @property
    def worst(self) -> float:
        """Seconds until the caller goes on, whatever the service does, boto3's pauses between tries included.

        boto3 pauses at most `2 ** tries` seconds before a further try (its standard mode).
        """
        pauses = sum(2**n for n in range(self.tries - 1))
        return self.requests * (self.tries * (self.connect + self.read) + pauses)

    @property
    def config(self) -> Config:
        return Config(
            connect_timeout=self.connect,
            read_timeout=self.read,
            retries={"total_max_attempts": self.tries, "mode": "standard"},
            max_pool_connections=10,
            tcp_keepalive=True,
        )


@dataclass(frozen=True)
class Budget:
    """What both doors ask, in the order in which they do; `key` is KMS."""

    store: Call
    tails: Call
    lists: Call
    model: Call
    policy: Call
    answers: Call
    terms: Call
    key: Call

    @property
    def calls(self) -> Iterable[Call]:
        return tuple(getattr(self, each.name) for each in fields(self))

    @property
    def worst(self) -> float:
        return sum(call.worst for call in self.calls)


@dataclass(frozen=True)
class ApiBudget(Budget):
    stream: Call


@dataclass(frozen=True)
class StreamBudget(Budget):
    log: Call
    alerts: Call
    merchants: Call


# The payer waits: one try each, and the door degrades. The policy's second request is for lists that have changed. Only
# handing on is tried twice: what is not handed on is lost.
API = ApiBudget(
    store=Call(connect=0.2, read=0.3, requests=2),
    tails=Call(connect=0.2, read=0.2),
    lists=Call(connect=0.2, read=0.2, requests=2),  # the second when rules have just begun to look at them
    model=Call(connect=0.2, read=0.4),
    policy=Call(connect=0.2, read=0.2, requests=2),
    answers=Call(connect=0.2, read=0.2),
    terms=Call(connect=0.2, read=0.15, requests=2),
    key=Call(connect=0.2, read=0.3),
    stream=Call(connect=0.2, read=0.5, requests=2),
)

# Whoever reports a label waits for one write, and can send the same again.
LABELS = Call(connect=0.3, read=1.5, tries=2)


@dataclass(frozen=True)
class FraudsBudget:
    """What telling rules of frauds asks, once their labels are stored."""

    answers: Call
    merchants: Call

    @property
    def worst(self) -> float:
        return self.answers.worst + self.merchants.worst


# Behind a label that is stored, or a case that is decided: whoever waits for the answer waits for this, too. As many
# frauds as one call takes are told at a time, and none begin later than `scoring.frauds.WITHIN`.
FRAUDS = FraudsBudget(
    answers=Call(connect=0.2, read=0.8, requests=2),
    merchants=Call(connect=0.2, read=0.8, requests=2),
)

# Whoever changes a list waits for a look at the lists that there are, and for one transaction.
LISTS = Call(connect=0.3, read=1.5, tries=2, requests=2)

# Whoever works on a case waits for a few reads and one transaction, and when it is decided for a file and a message;
# what does not end then the watch finishes.
CASES = Call(connect=0.3, read=1.5, tries=2)

# Nobody waits for a case to be opened, and what fails comes again: once nobody has answered the rest waits, too.
INTAKE = Call(connect=0.5, read=2, tries=2)

# The counter of merchants' traffic has one thing to do, and its stream waits for it.
COUNTER = Call(connect=0.5, read=3, tries=3)

# Nobody waits, but the shard must go on. What fails for good comes again with the batch: after whatever it can do
# without (model, policy, alerts, merchants, notes of answers) the log and the records must still fit into the
# function's time. A full batch makes several calls of store, log, alerts and answers. The model is asked for
# scores, for those of what was overtaken, and for reasons.
STREAM = StreamBudget(
    store=Call(connect=0.5, read=3, tries=3),
    tails=Call(connect=0.5, read=1),
    lists=Call(connect=0.5, read=1, requests=2),
    model=Call(connect=0.5, read=2, tries=2, requests=3),
    policy=Call(connect=0.5, read=1, requests=2),
    answers=Call(connect=0.5, read=1),
    terms=Call(connect=0.5, read=1, requests=2),
    key=Call(connect=0.5, read=2, tries=3),
    log=Call(connect=0.5, read=5, tries=3),
    alerts=Call(connect=0.5, read=1),
    merchants=Call(connect=0.5, read=1, requests=2),
)


@dataclass(frozen=True)
class LoanBudget:
    """What the loans' door asks: two documents, the archive, the model, and what was answered before and is now."""

    documents: Call
    store: Call
    lake: Call
    model: Call
    answers: Call


# Somebody waits for a decision on a loan, and for an endpoint that may have slept: it starts within seconds. What asks
# for reasons finds it awake. At most three calls, of which none begins later than the door allows (MODEL_WITHIN).
LOANS = LoanBudget(
    documents=Call(connect=0.3, read=1, requests=2),
    store=Call(connect=0.3, read=0.7, requests=2),
    lake=Call(connect=0.3, read=3),
    model=Call(connect=0.3, read=12),
    answers=Call(connect=0.2, read=0.9, requests=4),  # behind the model: written, the other's read, its row twice
)
