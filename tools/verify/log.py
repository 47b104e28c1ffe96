"""Compares the decision log with its seals, and the seals with each other: everything is read and computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from seal.seals import FIRST_FORM, BrokenSeal, Seal, day_of, digest, key_of, place_of, unnamed

READ_AT_ONCE = 16
GONE = None  # a receipt's word for an object of which no row was left


@dataclass(frozen=True)
class Fault:
    """`kind` is one of changed, removed, added, unsealed, seal, link, witness."""

    kind: str
    key: str
    said: str


@dataclass
class Verdict:
    """What was compared. `explained` objects are as a receipt of a forgotten customer says; `waiting` days are newer
    than the newest seal. `heads` are seals that no other seal names: note them outside, nothing here vouches for them.
    `additions` are seals of what came late to a day: how many objects, and when they were sealed. Of `witnessed` seals
    there is a locked copy elsewhere; none where no place for it is.
    """

    objects: int = 0
    seals: int = 0
    faults: list[Fault] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)
    additions: dict[str, tuple[int, str]] = field(default_factory=dict)
    witnessed: int | None = None


def verify(
    seals: Mapping[str, bytes],
    decisions: Iterable[str],
    read: Callable[[str], bytes],
    forgotten: Mapping[str, set[str | None]],
) -> Verdict:
    """`seals` by key, keys of `decisions`, `read` an object; `forgotten` maps keys to the SHA-256 that receipts give
    them, GONE for none left."""
    verdict = Verdict(seals=len(seals))
    read_seals = chain(seals, verdict)
    sealed = {key: sha for seal in read_seals.values() for key, sha in seal.objects.items()}
    there = set(decisions)
    newest = max((seal.day for seal in read_seals.values()), default="")
    days = {place[0] for key in seals if (place := place_of(key))}
    for key in sorted(there - set(sealed)):
        day = day_of(key)
        if day > newest:
            if day not in verdict.waiting:
                verdict.waiting.append(day)
        elif day in days:
            verdict.faults.append(
                Fault("added", key, "it is in no seal of its day; the next night seals what came late")
            )
        else:
            verdict.faults.append(Fault("unsealed", key, "its day has no seal; the next night seals what it finds"))
    present = sorted(there & set(sealed))
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        found = dict(zip(present, pool.map(lambda key: digest(read(key)), present), strict=True))
    verdict.objects = len(sealed)
    for key in sorted(sealed):
        now = found.get(key, GONE)
        if now == sealed[key]:
            continue
        if now in forgotten.get(key, ()):
            verdict.explained.append(key)
        elif now is GONE:
            verdict.faults.append(Fault("removed", key, "it was sealed and is gone"))
        else:
            verdict.faults.append(Fault("changed", key, f"its SHA-256 was sealed as {sealed[key]}, it is {now}"))
    return verdict


def chain(seals: Mapping[str, bytes], verdict: Verdict) -> dict[str, Seal]:
    """The seals that can be read. What is wrong with them and between them goes into the verdict."""
    found: dict[str, Seal] = {}
    for key in sorted(seals):
        try:
            if place_of(key) is None:
                raise BrokenSeal("its name is not that of a seal")
            found[key] = Seal.read(key, seals[key])
        except BrokenSeal as broken:
            verdict.faults.append(Fault("seal", key, str(broken)))
    for key, seal in found.items():
        if not seal.previous and any(is_before(other, seal) for other in found.values()):
            verdict.faults.append(Fault("link", key, "it names no seal before it, and there is one"))
        for before, sha in seal.previous.items():
            if before not in seals:
                verdict.faults.append(Fault("link", key, f"it names {before}, which is gone"))
            elif digest(seals[before]) != sha:
                verdict.faults.append(Fault("link", key, f"it names {before} as {sha}, which has other content now"))
            elif seal.form == FIRST_FORM and not follows(seal, before):
                verdict.faults.append(Fault("link", key, f"it names {before}, which is not the one before it"))
    verdict.heads = {key: digest(seals[key]) for key in sorted(unnamed(found))}
    verdict.additions = {key: (len(seal.objects), seal.sealed_at) for key, seal in found.items() if seal.number}
    return found


def is_before(other: Seal, seal: Seal) -> bool:
    """Whether the seal had to name one because of the other. In the first form a day's seal could begin a chain of its
    own before days that were sealed later."""
    if seal.form != FIRST_FORM:
        return other.sealed_at < seal.sealed_at
    return seal.number > 0 or (other.day < seal.day and other.sealed_at < seal.sealed_at)


def follows(seal: Seal, before: str) -> bool:
    """In the first form an addition follows the seal or addition before it, a day's seal that of an earlier day."""
    if seal.number:
        return before == key_of(seal.day, seal.number - 1)
    place = place_of(before)
    return place is not None and place[0] < seal.day and place[1] == 0


def told(verdict: Verdict) -> list[str]:
    lines = [f"{verdict.seals} seals over {verdict.objects} objects of the decision log"]
    if verdict.witnessed is not None:
        lines.append(f"{verdict.witnessed} seals have a locked copy")
    lines += [f"{fault.kind}: {fault.key}: {fault.said}" for fault in verdict.faults]
    lines += [f"rewritten for a forgotten customer, as the receipt says: {key}" for key in verdict.explained]
    lines += [f"came late: {count} objects of {key}, sealed {at}" for key, (count, at) in verdict.additions.items()]
    if verdict.waiting:
        lines.append(f"not sealed yet: {', '.join(sorted(verdict.waiting))}")
    lines += [f"newest seal of its chain: {key} {sha}" for key, sha in verdict.heads.items()]
    lines.append(f"{len(verdict.faults)} faults" if verdict.faults else "the log is what was sealed")
    return lines
