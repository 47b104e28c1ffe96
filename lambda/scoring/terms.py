"""What the lake and the doors must read alike: exchange rates, columns whose cells are no card numbers, and whether a
time may be a day or a minute. The night
publishes them as one document, and a door looks for another one every ten minutes, when a payment needs it: rates apply
from the day after their publication at the earliest, so that nothing is missed in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from features.currency import Rates, UnknownCurrency
from features.declared import TERMS
from features.payment import InvalidPayment, Payment

SECONDS = 600  # how old the known document may be
AGAIN = 30  # seconds until S3 is asked again that did not answer: no batch waits for it payment by payment


class TermsUnread(RuntimeError):
    """The document was never read, and cannot be read now."""


class Terms:
    """Takes in payments as the lake will. Those without a currency, and without a cell that looks like a card number,
    ask for nothing."""

    def __init__(self, s3: Any, bucket: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.clock = clock
        self.look_at = float("-inf")
        self.tag: str | None = None  # of the object that is known
        self.known: Mapping[str, Any] | None = None
        self.rates = Rates()

    def payment(self, fields: object, now: int | None = None) -> Payment:
        """A payment that comes at `now` (ms), its amount in the home currency. Raises InvalidPayment, also for a
        currency that no rate is known of, and TermsUnread."""
        found = Payment.parse(fields, now=now, no_card=self._is_no_card, coarse=self._is_coarse)  # type: ignore[arg-type]
        if found.currency is None:
            return found
        try:
            self._look()
            return found.counted(self.rates)
        except UnknownCurrency as unknown:
            raise InvalidPayment(f"currency: {unknown}") from None

    def _is_no_card(self, column: str) -> bool:
        return column in self._look().get("no_cards", ())

    def _is_coarse(self) -> bool:
        return bool(self._look().get("coarse_times"))

    def _look(self) -> Mapping[str, Any]:
        """Keeps what is known when S3 does not answer. Raises TermsUnread."""
        if self.clock() >= self.look_at:
            try:
                self._read()
                self.look_at = self.clock() + SECONDS
            except Exception as failed:
                self.look_at = self.clock() + AGAIN
                print(json.dumps({"level": "ERROR", "message": "terms were not read", "error": repr(failed)}))
        if self.known is None:
            raise TermsUnread("no night's terms were ever read")
        return self.known

    def _read(self) -> None:
        """Asked by its name first: a role that may not list is told nothing of what is not there."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=TERMS).get("Contents", [])
        tag = next((o["ETag"] for o in found if o["Key"] == TERMS), None)
        if tag is None:
            self.known = self.known or {}  # no night has published any yet
        elif tag != self.tag:
            known = json.loads(self.s3.get_object(Bucket=self.bucket, Key=TERMS)["Body"].read())
            self.rates = Rates.parse(known["money"])
            self.known, self.tag = known, tag
