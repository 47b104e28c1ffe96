"""Seals a day, and what came late to any day before it. Nothing that is sealed is ever written again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from seal.seals import DECISIONS, FORM, SEALS, Seal, day_of, digest, key_of, objects_of, place_of, unnamed

SIDE_BY_SIDE = 32  # objects that are read, and days that are listed, at a time
SETTLED = timedelta(hours=1)  # a run takes a quarter of one: what is older than that before a seal, the seal has seen

Placed = dict[tuple[str, int], datetime]  # when S3 took each seal, by day and number


class SealedMeanwhile(RuntimeError):
    """Another run has written this very seal; run again, it will find nothing left to do or add to it."""


@dataclass(frozen=True)
class Witness:
    """A bucket whose objects are locked for a time: nobody takes a seal back that lies there."""

    s3: Any
    bucket: str

    def told(self) -> set[str]:
        return {item["Key"] for item in listed(self.s3, self.bucket, SEALS)}

    def tell(self, key: str, body: bytes) -> None:
        """An object of that key may be there meanwhile, from another run: the lock keeps it either way."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json")


@dataclass(frozen=True)
class Sealing:
    """`s3` is a client, `now` gives an ISO 8601 instant. A `witness` is told every seal."""

    s3: Any
    bucket: str
    now: Callable[[], str]
    witness: Witness | None = None

    def run(self, day: str) -> list[dict]:
        """Seals the day, even when it has no decision, and what any day before it has that is not sealed yet.

        Returns key, root, SHA-256 and number of objects of each seal that was written. Raises SealedMeanwhile, and
        BrokenSeal when a seal that must be read cannot be.
        """
        date.fromisoformat(day)
        placed = self._placed()
        days = sorted({day, *(each for each in self._days() if each < day)})
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            listed = dict(zip(days, pool.map(lambda each: self._unsettled(each, placed), days), strict=True))
        heads: dict[str, str] | None = None
        written = []
        for each in days:
            earlier = [key_of(each, number) for placed_day, number in sorted(placed) if placed_day == each]
            if not listed[each] and (earlier or each != day):
                continue
            fresh = self._fresh(listed[each], earlier)
            if not fresh and earlier:
                continue
            seal = self._seal(each, placed, fresh, self._heads(placed) if heads is None else heads)
            written.append({"key": seal.key, "root": seal.root, "sha256": digest(seal.body()), "objects": len(fresh)})
            heads = {seal.key: digest(seal.body())}
        if self.witness:
            self._tell(self.witness)
        return written

    def _tell(self, witness: Witness) -> None:
        """Every seal that it does not have: also those of runs that ended before they had told it."""
        known = witness.told()
        missing = [key for day, number in sorted(self._placed()) if (key := key_of(day, number)) not in known]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            list(pool.map(lambda key: witness.tell(key, self._read(key)), missing))

    def _placed(self) -> Placed:
        listed = self._listed(SEALS)
        return {place: item["LastModified"] for item in listed if (place := place_of(item["Key"])) is not None}

    def _days(self) -> Iterator[str]:
        """Every day that has a folder in the log."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=DECISIONS, Delimiter="/")
        for page in pages:
            found = (day_of(folder["Prefix"]) for folder in page.get("CommonPrefixes", ()))
            yield from (day for day in found if place_of(key_of(day, 0)))

    def _unsettled(self, day: str, placed: Placed) -> list[str]:
        """The day's objects, when one of them may have come after its newest seal had looked; otherwise none.

        Listing tells that: the seals of all days are too many to be read every night.
        """
        items = list(self._listed(objects_of(day)))
        seen = max((at for (each, _), at in placed.items() if each == day), default=None)
        if seen is not None and all(item["LastModified"] < seen - SETTLED for item in items):
            return []
        return [item["Key"] for item in items]

    def _fresh(self, keys: Iterable[str], earlier: Iterable[str]) -> dict[str, str]:
        """The SHA-256 of what no earlier seal of the day has."""
        known = {key for seal in earlier for key in self._read_seal(seal).objects}
        fresh = [key for key in keys if key not in known]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return dict(zip(fresh, pool.map(lambda key: digest(self._read(key)), fresh), strict=True))

    def _heads(self, placed: Placed) -> dict[str, str]:
        """The seals that no other names, with their SHA-256.

        The newest seals name all the others, and only they are read; where none of them is of today's form, all are.
        """
        last = max(placed.values(), default=None)
        if last is None:
            return {}
        newest = self._read_seals(place for place, at in placed.items() if at >= last - SETTLED)
        if not any(seal.form == FORM for seal in newest.values()):
            newest = self._read_seals(placed)
        return {key: digest(newest[key].body()) for key in unnamed(newest)}

    def _read_seals(self, places: Iterable[tuple[str, int]]) -> dict[str, Seal]:
        keys = [key_of(*place) for place in places]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return dict(zip(keys, pool.map(self._read_seal, keys), strict=True))

    def _read_seal(self, key: str) -> Seal:
        """Raises BrokenSeal: nothing is chained to what cannot be read."""
        return Seal.read(key, self._read(key))

    def _seal(self, day: str, placed: Placed, objects: dict[str, str], heads: dict[str, str]) -> Seal:
        number = max((number for each, number in placed if each == day), default=-1) + 1
        seal = Seal(day, number, objects, heads, self.now())
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
        return seal

    def _listed(self, prefix: str) -> Iterator[dict]:
        return listed(self.s3, self.bucket, prefix)

    def _read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()


def listed(s3: Any, bucket: str, prefix: str) -> Iterator[dict]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", ())
