"""Payments that were called fraud, on to the merchants' stream: rules know of them within seconds, not after a night.

Nothing of it holds up a label, which is stored before: what cannot be told is counted, and the night knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from features.entities import COUNTED
from features.payment import Payment
from scoring.answers import Answers
from scoring.decision import handed_on, payment_of
from scoring.labels import Label
from scoring.log import warn
from scoring.merchants import TOLD_PER_CALL, MerchantStream
from scoring.metrics import emit
from scoring.tables import READ

WITHIN = 3_000  # ms: no call begins later, for somebody waits who told of a label
LOOKS = 2  # for what a look at the answers left undone
TOGETHER = min(READ, TOLD_PER_CALL // len(COUNTED))  # payments of one look, whose records are one call


@dataclass(frozen=True)
class Frauds:
    """`now` gives milliseconds since 1970."""

    answers: Answers
    merchants: MerchantStream
    now: Callable[[], int]

    def tell(self, labels: Iterable[Label], at: int, door: str) -> None:
        """Tells the counter of the payments that the labels call fraud, at `at` (ms); of each its last label counts.

        A payment that the answers do not know, or know no more, is counted as such: nobody can say to whom it happened.
        Told again it counts once, so whoever repeats labels tells of what was not told before.
        """
        last = {label.transaction_id: label for label in sorted(labels, key=lambda label: label.reported_at)}
        frauds = [identifier for identifier, label in last.items() if label.is_fraud]
        unknown = untold = 0
        begun = self.now()
        for start in range(0, len(frauds), TOGETHER):
            some = frauds[start : start + TOGETHER]
            if self.now() - begun > WITHIN:
                untold += len(some)
                continue
            try:
                known = self._known(some)
                untold += self.merchants.tell_frauds((payment, at) for payment in known)
                unknown += len(some) - len(known)
            except Exception as failed:  # whatever ails the table, the labels are stored
                warn("answers were not looked up for frauds", failed)
                untold += len(some)
        if frauds:
            told = len(frauds) - unknown - untold
            emit({"door": door}, frauds_told=told, frauds_unknown=unknown, frauds_untold=untold)

    def _known(self, identifiers: list[str]) -> list[Payment]:
        kept = self.answers.kept(identifiers, LOOKS)
        found = [readable(kept[identifier]) for identifier in identifiers if identifier in kept]
        return [payment for payment in found if payment is not None]


def readable(decision: dict) -> Payment | None:
    """The payment of a kept decision, maybe of another version of the door; none if nobody can read it."""
    try:
        return payment_of(handed_on(decision))
    except ValueError:
        return None
