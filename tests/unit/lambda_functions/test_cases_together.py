"""Reviewers, a lead and messages at once: whatever the order of their calls, nobody shares a case and nothing is lost.

Each actor is a greenlet that gives way before each call of the table, so a seed decides who goes on. The index lags,
answers are lost after calls were done, messages come twice, locks run out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from cases.case import Case, Refused
from cases.door import InvalidRequest, Owed, Unfinished
from cases.table import Busy, NoCase
from greenlet import getcurrent, greenlet
from hypothesis import given, settings
from hypothesis import strategies as st
from intake.watch import Watch

from tests.unit.lambda_functions.aws import Down
from tests.unit.lambda_functions.cases_table import LOCK, SERVICE, CasesTable, Desk, asked

ROLE = "arn:aws:sts::111122223333:assumed-role/risk-dev-reviewer"
FAILS = (Refused, Busy, NoCase, Down, Owed, Unfinished, InvalidRequest)


class Play:
    """One order of events, from one seed."""

    def __init__(self, seed: int, reviewers: int, payments: int) -> None:
        self.random = random.Random(seed)
        self.hub = getcurrent()
        self.desk = Desk(CasesTable(self.give_way, random.Random(seed + 1)))
        self.names = [f"{ROLE}/r{n}" for n in range(reviewers)]
        self.payments = [(f"t{n}", f"c{self.random.randrange(1 + payments // 3)}") for n in range(payments)]
        self.actors: list[greenlet] = []
        self.decided: list[tuple[str, int, str]] = []  # by the answer that somebody got: case, round, who
        self.broken: list[str] = []
        self.before: dict[str, Case] = {}

    def give_way(self) -> None:
        if getcurrent() is not self.hub:
            self.hub.switch()

    def spawn(self, run: Callable[..., Any], *given_: Any) -> None:
        self.actors.append(greenlet(lambda: run(*given_), self.hub))

    def run(self) -> None:
        messages = self.payments + self.random.sample(self.payments, len(self.payments) // 2)
        self.random.shuffle(messages)
        for start in range(3):
            self.spawn(self.intake, messages[start::3])
        for name in self.names:
            self.spawn(self.reviewer, name)
        self.spawn(self.lead, f"{ROLE}-lead/lea")
        while self.actors:
            actor = self.random.choice(self.actors)
            if self.random.random() < 0.05:
                self.desk.table.lost = 1
            if self.random.random() < 0.03:
                self.desk.at += LOCK // 2
            self.desk.at += 1
            actor.switch()
            self.look()
            if actor.dead:
                self.actors.remove(actor)

    def look(self) -> None:
        """What must hold at every moment: a step writes a case once at most."""
        for case in self.desk.table.cases:
            was = self.before.get(case.id, case)
            self.before[case.id] = case
            if case.version - was.version not in (0, 1):
                self.broken.append(f"{case.id} went from version {was.version} to {case.version}")
            if was.holder and case.holder not in (None, was.holder) and (was.locked_until or 0) > self.desk.at:
                did = self.desk.table.did(case)
                if not did.startswith("reassigned"):
                    self.broken.append(f"{case.id} was taken from {was.holder}: {did}")
            if (case.state == "CLAIMED") is not (case.holder is not None):
                self.broken.append(f"{case.id} is {case.state} and held by {case.holder}")
        open_ = Counter(case.customer_id for case in self.desk.table.cases if case.state != "DECIDED")
        self.broken += [f"{customer} has {n} open cases" for customer, n in open_.items() if n > 1]

    def again(self, what: Callable[[], Any]) -> Any:
        """As a client does that hears no answer."""
        for _ in range(12):
            try:
                return what()
            except (Down, Busy):
                continue
        return None

    def intake(self, messages: list[tuple[str, str]]) -> None:
        for payment, customer in messages:
            self.again(lambda p=payment, c=customer: self.desk.take_in(p, c))

    def reviewer(self, name: str, tries: int = 12) -> None:
        door, draw = self.desk.door, self.random
        for _ in range(tries):
            taken = self.again(lambda: door.next(asked(name)))
            if not taken or taken["case"] is None:
                continue
            case, chance = taken["case"], draw.random()
            try:
                if chance < 0.1:
                    door.release(asked(name, case))
                elif chance < 0.2:
                    door.escalate(asked(name, case, {"why": "not mine"}))
                elif chance < 0.3:
                    door.comment(asked(name, case, {"text": "called"}))
                elif chance < 0.9:
                    self.decide(name, case, draw.choice(("fraud", "honest")))
            except FAILS:
                continue

    def decide(self, name: str, case: str, word: str) -> None:
        seen = self.desk.door.show(asked(name, case))["payments"]
        body = {"decision": word, "why": "looked", "seen": seen}
        for _ in range(4):
            try:
                said = self.desk.door.decide(asked(name, case, body))
            except (Down, Busy, Unfinished):
                continue
            if (said["decided_by"], said["decision"]) == (name, word):
                self.decided.append((case, said["round"], name))
            return

    def lead(self, name: str) -> None:
        door = self.desk.door
        for _ in range(10):
            try:
                taken = door.next_escalated(asked(name))
                if taken["case"] is not None:
                    self.decide(name, taken["case"], "honest")
                done = self.desk.cases.listed("DECIDED", 5).cases
                if done and self.random.random() < 0.4:
                    door.reopen(asked(name, self.random.choice(done).id, {"why": "another look"}))
                held = self.desk.cases.listed("CLAIMED", 5).cases
                if held and self.random.random() < 0.3:
                    to = self.random.choice(self.names)
                    door.reassign(asked(name, held[0].id, {"to": to, "why": "away"}))
            except FAILS:
                continue

    def finish(self) -> None:
        """Nothing fails any more: what is left is taken in and finished."""
        self.desk.table.lost, self.desk.table.lag = 0, None
        for payment, customer in self.payments:
            self.desk.take_in(payment, customer)
        for _ in range(2):
            Watch(self.desk.cases, self.desk.finisher, lambda: self.desk.at, SERVICE).look()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(1, 14))
def test_whatever_the_order_nobody_shares_a_case_and_no_payment_or_label_is_lost_or_doubled(seed, reviewers, payments):
    play = Play(seed, reviewers, payments)
    play.run()
    assert play.broken == []
    play.finish()

    cases = {case.id: case for case in play.desk.table.cases}
    inside = [(payment, name) for name in cases for payment in play.desk.cases.whole(name).identifiers]
    assert sorted(payment for payment, _ in inside) == sorted(payment for payment, _ in play.payments)
    assert all(play.desk.cases.of_payment(payment).id == name for payment, name in inside)
    assert {name: n for name, n in Counter(name for _, name in inside).items()} == {
        c.id: c.payments for c in cases.values()
    }

    by_round: dict[tuple[str, int], set[str]] = {}
    for case, round_, name in play.decided:
        by_round.setdefault((case, round_), set()).add(name)
    assert all(len(names) == 1 for names in by_round.values()), "a case was decided by two"

    written = Counter(key.rpartition("/")[2] for key in play.desk.lake.objects)
    assert all(n == 1 for n in written.values())
    rounds = {(c.id, r) for c in cases.values() for r in range(1, c.round + (c.state == "DECIDED"))}
    assert written.keys() == {f"case-{case}-{round_}-1.csv" for case, round_ in rounds}
    last = {c.id: c for c in cases.values() if c.state == "DECIDED"}
    for case in last.values():
        (key,) = [key for key in play.desk.lake.objects if f"case-{case.id}-{case.round}-" in key]
        lines = play.desk.lake.objects[key].decode().splitlines()[1:]
        assert sorted(line.split(",")[0] for line in lines) == sorted(play.desk.cases.whole(case.id).identifiers)
