"""Seals a day, and what came late to the days before it. Nothing that is sealed is ever written again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from seal.seals import SEALS, Seal, digest, key_of, objects_of, place_of

LOOK_BACK = 7  # days: the stream keeps payments so long, and what failed comes back within them
SIDE_BY_SIDE = 32  # objects that are read at a time


class SealedMeanwhile(RuntimeError):
    """Another run has written this very seal; run again, it will find nothing left to do or add to it."""


@dataclass(frozen=True)
class Sealing:
    """`s3` is a client, `now` gives an ISO 8601 instant."""

    s3: Any
    bucket: str
    now: Callable[[], str]

    def run(self, day: str) -> list[dict]:
        """Seals the day, even when it has no decision, and what the days before it have that is not sealed yet.

        Returns key, root, SHA-256 and number of objects of each seal that was written. Raises SealedMeanwhile.
        """
        last = date.fromisoformat(day)
        days = [(last - timedelta(days=n)).isoformat() for n in range(LOOK_BACK, -1, -1)]
        written = (self._seal(each, empty_too=each == day) for each in days)
        return [told for told in written if told]

    def _seal(self, day: str, empty_too: bool) -> dict | None:
        earlier = self._seals_of(day)
        known = {key for seal in earlier for key in seal.objects}
        fresh = [key for key in self._keys(objects_of(day)) if key not in known]
        if not fresh and (earlier or not empty_too):
            return None
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            objects = dict(zip(fresh, pool.map(lambda key: digest(self._read(key)), fresh), strict=True))
        before = earlier[-1].key if earlier else self._day_before(day)
        previous = (before, digest(self._read(before))) if before else None
        seal = Seal(day, earlier[-1].number + 1 if earlier else 0, objects, previous, self.now())
        self._write(seal)
        return {"key": seal.key, "root": seal.root, "sha256": digest(seal.body()), "objects": len(objects)}

    def _seals_of(self, day: str) -> list[Seal]:
        """Raises BrokenSeal: nothing is chained to what cannot be read."""
        found = sorted(
            place[1] for key in self._keys(f"{SEALS}decision_date={day}") if (place := place_of(key)) is not None
        )
        return [Seal.read(key_of(day, n), self._read(key_of(day, n))) for n in found]

    def _day_before(self, day: str) -> str | None:
        """The seal of the newest day before this one that has any."""
        days = [place[0] for key in self._keys(SEALS) if (place := place_of(key)) and place[1] == 0]
        before = max((each for each in days if each < day), default=None)
        return key_of(before, 0) if before else None

    def _write(self, seal: Seal) -> None:
        try:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=seal.key,
                Body=seal.body(),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except Exception as refused:
            code = getattr(refused, "response", {}).get("Error", {}).get("Code")
            if code not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
            raise SealedMeanwhile(f"{seal.key} is there already; run again") from None

    def _keys(self, prefix: str) -> Iterator[str]:
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            yield from (item["Key"] for item in page.get("Contents", ()))

    def _read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
