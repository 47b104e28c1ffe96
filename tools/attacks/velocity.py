"""Many payments of one customer in a short time: through either door, in a mix, at once, behind a clock that is ahead.

Whether they hold is judged from the decision log, and from what the payer was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

from features.declaration import MINUTE
from features.fraud import FRAUD
from tools.attacks.doors import Doors, now
from tools.attacks.rules import ALLOWED, Rules
from tools.attacks.verdict import Attack

SECOND = 1000
MANY = 50
AHEAD = 290 * SECOND  # the doors refuse stamps that are more than five minutes ahead
PAIRS = 100
MOST_MARKED = 0.1  # of the payments: more are no exception any more
COUNT = FRAUD.columns.index("customer_payment_count_10m")


@dataclass(frozen=True)
class Limited:
    """What became of one customer's payments, by their number. `marked` were let through, said that they may not know
    all earlier payments, and were judged again by the stream door: BLOCK. `through` were let through and not marked."""

    passed: int
    blocked: int
    early: int
    marked: int
    through: int
    missing: int
    untrue: int  # the payer was told another action

    @property
    def holds(self) -> bool:
        wrong = self.early + self.through + self.missing + self.untrue
        return wrong == 0 and self.marked <= MOST_MARKED * (self.passed + self.blocked + self.marked)

    def told(self) -> str:
        more = {
            "blocked among the first": self.early,
            "let through, marked and judged again": self.marked,
            "let through": self.through,
            "not decided": self.missing,
            "told otherwise than logged": self.untrue,
        }
        said = "".join(f", {many} {what}" for what, many in more.items() if many)
        return f"the first {self.passed} pass, {self.blocked} blocked{said}"


def limited(
    decisions: Sequence[dict], rule: str, allowed: int, asked: int, answers: Mapping[str, dict] | None = None
) -> Limited:
    """`answers` are those of the API door, by identifier; `asked` is how many decisions there must be."""
    ordered = sorted(decisions, key=lambda d: d["counted_at"])
    first, rest = ordered[:allowed], ordered[allowed:]
    blocked = [d for d in rest if is_blocked(d, rule)]
    loose = [d for d in rest if not is_blocked(d, rule)]
    marked = [d for d in loose if not d["velocity_exact"] and d["judged_again"] == "BLOCK"]
    early = sum(is_blocked(d, rule) for d in first)
    told = answers or {}
    return Limited(
        passed=len(first) - early,
        blocked=len(blocked),
        early=early,
        marked=len(marked),
        through=len(loose) - len(marked),
        missing=asked - len(decisions),
        untrue=sum(
            told[d["transaction_id"]]["action"] != d["action"] for d in decisions if d["transaction_id"] in told
        ),
    )


def is_blocked(decision: Mapping, rule: str) -> bool:
    return decision["action"] == "BLOCK" and rule in decision["reasons"]


@dataclass(frozen=True)
class Pairs:
    """What two payments of one customer knew of each other that were asked at once."""

    known: int
    marked: int
    missed: int
    missing: int

    @property
    def holds(self) -> bool:
        return self.missed == self.missing == 0 and self.marked <= MOST_MARKED * (self.known + self.marked)

    def told(self) -> str:
        return (
            f"in {self.known} pairs one knew the other, in {self.marked} neither did and one says so, "
            f"in {self.missed} neither did and none says so, {self.missing} not decided"
        )


def paired(pairs: Sequence[tuple[dict | None, dict | None]]) -> Pairs:
    """By the decisions of each pair."""
    known = marked = missed = missing = 0
    for one, other in pairs:
        if one is None or other is None:
            missing += 1
        elif sorted(counted(d) for d in (one, other)) == [0, 1]:
            known += 1
        elif one["velocity_exact"] and other["velocity_exact"]:
            missed += 1
        else:
            marked += 1
    return Pairs(known, marked, missed, missing)


def counted(decision: Mapping) -> float:
    """How many earlier payments of the customer a decision knew; -1 where it knew none of its features."""
    return -1 if decision["vector"] is None else decision["vector"][COUNT]


def velocity(doors: Doors, rules: Rules) -> Iterator[Attack]:
    expected = f"all from payment {ALLOWED + 1} on are blocked; of an honest customer with {ALLOWED} payments none"
    for name, is_asked in DOORS.items():
        end = now()
        payments = [
            doors.payment(f"fast-{name}-{n}", end - (MANY - n) * SECOND, f"fast-{name}") for n in range(MANY)
        ]  # fmt: skip
        honest = [doors.payment(f"calm-{name}-{n}", end - (10 - n) * SECOND, f"calm-{name}") for n in range(ALLOWED)]
        found = through(doors, rules, payments, is_asked)
        calm = through(doors, rules, honest, is_asked)
        yield Attack(
            f"velocity, {name}",
            f"{MANY} payments of one customer in {MANY} s; {ALLOWED} of another one",
            expected,
            f"{found.told()}; of the honest customer {calm.passed} pass, {ALLOWED - calm.passed} do not",
            found.holds and calm.holds and calm.passed == ALLOWED,
        )


def clock_trick(doors: Doors, rules: Rules) -> Iterator[Attack]:
    for how, cut in (("", 1), (", stamps cut to the minute", MINUTE)):
        for name in ("API", "stream"):
            end, named = now(), f"clock-{name}-{cut}"
            stamps = [end + AHEAD, *(end - (MANY - n) * SECOND for n in range(1, MANY))]
            payments = [doors.payment(f"{named}-{n}", at // cut * cut, named) for n, at in enumerate(stamps)]
            found = through(doors, rules, payments, DOORS[name])
            yield Attack(
                f"clock trick, {name}{how}",
                f"a payment {AHEAD // SECOND} s ahead, then {MANY - 1} of the same customer, a second apart{how}",
                f"all but the first {ALLOWED} are blocked",
                found.told(),
                found.holds,
            )


def through(doors: Doors, rules: Rules, payments: list[dict], is_asked: Callable[[int], bool]) -> Limited:
    """One payment behind the other, each by the door that its number says."""
    answers = {}
    for number, payment in enumerate(payments):
        if is_asked(number):
            status, said = doors.ask(payment)
            if status == 200:
                answers[payment["transaction_id"]] = said
        else:
            doors.stream(payment)
    decided = list(doors.decided(payments).values())
    return limited(decided, rules.velocity, ALLOWED, len(payments), answers)


DOORS: dict[str, Callable[[int], bool]] = {
    "API": lambda number: True,
    "stream": lambda number: False,
    "both doors": lambda number: number % 2 == 0,
}


def concurrent(doors: Doors) -> Iterator[Attack]:
    """Two threads meet before each pair."""
    at = now()
    sides = [[doors.payment(f"pair-{n}-{side}", at, f"pair-{n}") for n in range(PAIRS)] for side in "ab"]
    meeting = Barrier(len(sides))

    def ask(payments: list[dict]) -> None:
        for payment in payments:
            meeting.wait()
            doors.ask(payment)

    with ThreadPoolExecutor(len(sides)) as pool:
        list(pool.map(ask, sides))
    decided = doors.decided([payment for side in sides for payment in side])
    found = paired([tuple(decided.get(p["transaction_id"]) for p in pair) for pair in zip(*sides, strict=True)])  # type: ignore[misc]
    yield Attack(
        "concurrent",
        f"{PAIRS} pairs of payments of one customer each, asked at once from two threads",
        "of each pair one knows the other, or one says that it may not (velocity_exact is false)",
        found.told(),
        found.holds,
    )
