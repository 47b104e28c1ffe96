"""Exchange rates as a door knows them: what the night has published, looked for every ten minutes. A rate applies from
the day after its publication at the earliest, so that nothing is missed in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from features.currency import CURRENT, Rates, UnknownCurrency
from features.payment import InvalidPayment, Payment

SECONDS = 600  # how old the known rates may be


class RatesUnread(RuntimeError):
    """The rates were never read, and cannot be read now."""


class Money:
    """Puts payments into the home currency. Those without a currency are in it, and ask nothing."""

    def __init__(self, s3: Any, bucket: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.clock = clock
        self.read_at = float("-inf")
        self.tag: str | None = None  # of the object that is known
        self.known: Rates | None = None

    def counted(self, payment: Payment) -> Payment:
        """Raises InvalidPayment for a currency that no rate is known of, and RatesUnread."""
        if payment.currency is None:
            return payment
        try:
            return payment.counted(self.rates())
        except UnknownCurrency as unknown:
            raise InvalidPayment(f"currency: {unknown}") from None

    def rates(self) -> Rates:
        """Keeps the last known ones when S3 does not answer. Raises RatesUnread."""
        if self.clock() - self.read_at > SECONDS:
            try:
                self._read()
                self.read_at = self.clock()
            except Exception as failed:
                if self.known is None:
                    raise RatesUnread(type(failed).__name__) from None
                print(json.dumps({"level": "ERROR", "message": "rates are the last known", "error": repr(failed)}))
        return self.known or Rates()

    def _read(self) -> None:
        """Asked by its name first: a role that may not list is told nothing of what is not there."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=CURRENT).get("Contents", [])
        tag = next((o["ETag"] for o in found if o["Key"] == CURRENT), None)
        if tag is None:
            self.known = self.known or Rates()  # no night has named a currency yet
        elif tag != self.tag:
            body = self.s3.get_object(Bucket=self.bucket, Key=CURRENT)["Body"].read()
            self.known, self.tag = Rates.parse(json.loads(body)), tag
