"""Review cases: what may become of one, in which order they are taken, and what follows from a decision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases.case import LET_THROUGH, Refused, reopen
from cases.door import Owed, Unfinished
from cases.finishing import KEPT_SECONDS
from cases.table import Busy, NoCase

from features.values import iso
from tests.unit.lambda_functions.aws import Down
from tests.unit.lambda_functions.cases_table import ADA, BEN, LEA, LOCK, START, Desk, asked

FRAUD = {"decision": "fraud", "why": "the customer did not pay this", "seen": 1}
HONEST = {**FRAUD, "decision": "honest", "why": "the customer says it is his"}
DAY = 86_400_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_payments_of_a_customer_join_one_case_and_each_is_in_it_once(desk):
    assert [desk.take_in("t1"), desk.take_in("t2"), desk.take_in("t1"), desk.take_in("t3", "c2")] == [
        "opened",
        "joined",
        "known",
        "opened",
    ]

    first, other = desk.cases.of_payment("t2"), desk.cases.of_payment("t3")
    assert (first.customer_id, first.payments, other.payments) == ("c1", 2, 1)
    assert desk.cases.whole(first.id).identifiers == ["t1", "t2"]
    assert desk.cases.of_payment("t1") == first != other


def test_a_payment_after_the_decision_opens_a_case_of_its_own(desk):
    before = desk.opened("t1")
    desk.door.next(asked(ADA))
    desk.door.decide(asked(ADA, before, FRAUD))

    after = desk.opened("t2")
    assert after != before
    assert desk.cases.get(before).payments == 1
    assert desk.take_in("t1") == "known"
    assert [case.id for case in desk.cases.of_customer("c1")] == [before, after]


def test_beside_a_full_case_another_is_opened_and_each_is_decided_by_itself(desk):
    desk.cases = replace(desk.cases, most=2)
    assert [desk.take_in(f"t{n}") for n in range(5)] == ["opened", "joined", "opened", "joined", "opened"]
    first, second, third = (desk.cases.of_payment(f"t{n}").id for n in (0, 2, 4))
    for case, seen in ((first, 2), (third, 1)):
        desk.door.claim(asked(ADA, case))
        desk.door.decide(asked(ADA, case, {**FRAUD, "seen": seen}))
    assert desk.cases.get(second).state == "OPEN"
    assert sorted(payment for payment, _ in desk.labels()) == ["t0", "t1", "t4"]
    after = desk.opened("t5")
    assert after not in (first, second, third)
    assert desk.take_in("t6") == "joined"


def test_the_severest_case_is_the_next_and_of_these_the_oldest(desk):
    names = {}
    for minute, (payment, again) in enumerate([("old", None), ("new", None), ("gone", "BLOCK")]):
        desk.at = START + minute * 60_000
        names[payment] = desk.opened(
            payment, f"c-{payment}", action="APPROVE" if again else "REVIEW", judged_again=again
        )

    assert desk.cases.get(names["gone"]).severity == LET_THROUGH
    taken = [desk.door.next(asked(f"{ADA}{n}"))["case"] for n in range(4)]
    assert taken == [names["gone"], names["old"], names["new"], None]


def test_who_asks_for_the_next_case_gets_the_one_that_he_holds(desk):
    desk.opened("t1")
    desk.opened("t2", "c2")
    first = desk.door.next(asked(ADA))
    assert desk.door.next(asked(ADA))["case"] == first["case"]
    assert desk.door.next(asked(BEN))["case"] != first["case"]


def test_nobody_takes_a_case_that_is_held_and_everybody_one_whose_lock_is_over(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    with pytest.raises(Refused, match=f"held by {ADA} until {iso(START + LOCK)}"):
        desk.door.claim(asked(BEN, case))
    assert desk.door.next(asked(BEN)) == {"case": None}

    desk.at = START + LOCK + 1
    assert desk.door.next(asked(BEN))["holder"] == BEN
    with pytest.raises(Refused, match=f"held by {BEN} until"):
        desk.door.decide(asked(ADA, case, FRAUD))
    assert desk.labels() == []


def test_a_holder_whose_lock_is_over_still_decides_while_nobody_has_taken_the_case(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.at = START + LOCK + 1
    assert desk.door.decide(asked(ADA, case, FRAUD))["state"] == "DECIDED"


def test_a_claim_again_holds_on_and_a_release_gives_back(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.at += 60_000
    assert desk.door.claim(asked(ADA, case))["locked_until"] == iso(desk.at + LOCK)
    with pytest.raises(Refused, match="held by"):
        desk.door.release(asked(BEN, case))
    assert desk.door.release(asked(ADA, case))["state"] == "OPEN"
    assert desk.door.release(asked(ADA, case))["holder"] is None
    assert desk.door.next(asked(BEN))["case"] == case


def test_an_escalated_case_is_for_leads_and_comes_back_to_them(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    assert desk.door.escalate(asked(ADA, case, {"why": "a colleague's account"}))["state"] == "ESCALATED"
    assert desk.door.escalate(asked(ADA, case, {"why": "again"}))["state"] == "ESCALATED"
    with pytest.raises(Refused, match="a lead takes it"):
        desk.door.claim(asked(ADA, case))
    assert desk.door.next(asked(ADA)) == {"case": None}

    assert desk.door.next_escalated(asked(LEA))["case"] == case
    desk.at += LOCK + 1
    assert desk.door.next(asked(ADA)) == {"case": None}, "a lead's lock that is over leaves it to leads"
    assert desk.door.release(asked(LEA, case))["state"] == "ESCALATED"
    assert desk.door.next_escalated(asked(LEA))["case"] == case
    assert desk.door.decide(asked(LEA, case, HONEST))["decision"] == "honest"


def test_a_decision_labels_each_payment_once_and_tells_who_waits(desk):
    case = desk.opened("t1")
    desk.take_in("t2")
    desk.door.claim(asked(ADA, case))
    assert desk.door.answer(asked(ADA, transaction_id="t1"))["answer"] == "pending"
    desk.at += 1000
    verdict = {**FRAUD, "seen": 2, "otherwise": {"t2": "honest"}}
    said = desk.door.decide(asked(ADA, case, verdict))

    assert (said["state"], said["decided_by"], said["otherwise"]) == ("DECIDED", ADA, {"t2": "honest"})
    assert desk.labels() == [("t1", "1"), ("t2", "0")]
    assert list(desk.lake.objects) == [f"raw/fraud_labels/batch=2018-04-01/case-{case}-1-1.csv"]
    answers = {m["transaction_id"]: m["answer"] for m in desk.topic.messages}
    assert answers == {"t1": "declined", "t2": "approved"}
    for payment, answer in answers.items():
        polled = desk.door.answer(asked(ADA, transaction_id=payment))
        assert (polled["answer"], polled["decided_at"]) == (answer, iso(desk.at))
    with pytest.raises(NoCase):
        desk.door.answer(asked(ADA, transaction_id="t3"))


def test_the_same_decision_again_is_the_same_answer_and_another_is_refused(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    said = desk.door.decide(asked(ADA, case, FRAUD))
    desk.at += 5000

    assert desk.door.decide(asked(ADA, case, FRAUD)) == said
    assert (desk.labels(), len(desk.topic.messages)) == ([("t1", "1")], 1)
    with pytest.raises(Refused, match=r"decided fraud by .*; a lead may reopen it"):
        desk.door.decide(asked(ADA, case, HONEST))


def test_a_decision_covers_no_payment_that_nobody_has_seen(desk):
    case = desk.opened("t1")
    desk.door.claim(asked(ADA, case))
    desk.take_in("t2")
    with pytest.raises(Refused, match="it has 2 payments, 1 were seen"):
        desk.door.decide(asked(ADA, case, FRAUD))
    assert desk.cases.get(case).state == "CLAIMED"


def test_a_payment_that_joins_while_somebody_decides_is_not_decided_with_it(desk):
    case = desk.opened("t1")
    desk.door.claim(asked(ADA, case))
    calls: list[int] = []

    def meanwhile() -> None:
        calls.append(1)
        if len(calls) == 3:  # the case was read twice, and is about to be written
            desk.table.step = lambda: None
            desk.take_in("t2")

    desk.table.step = meanwhile
    with pytest.raises(Refused, match="it has 2 payments, 1 were seen"):
        desk.door.decide(asked(ADA, case, FRAUD))
    assert desk.cases.get(case).payments == 2
    assert desk.labels() == []


def test_a_lead_reopens_and_the_next_decision_is_labelled_anew(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.door.decide(asked(ADA, case, FRAUD))
    with pytest.raises(Refused, match="it was decided fraud"):
        desk.door.release(asked(ADA, case))

    desk.at += DAY
    again = desk.door.reopen(asked(LEA, case, {"why": "the customer called"}))
    assert (again["state"], again["holder"], again["round"]) == ("CLAIMED", LEA, 2)
    assert desk.door.reopen(asked(LEA, case, {"why": "the customer called"}))["round"] == 2
    assert desk.door.answer(asked(LEA, transaction_id="t1"))["answer"] == "pending"
    desk.door.decide(asked(LEA, case, HONEST))

    assert desk.labels() == [("t1", "1"), ("t1", "0")]
    assert [m["answer"] for m in desk.topic.messages] == ["declined", "approved"]
    assert sorted(desk.lake.objects)[1].startswith("raw/fraud_labels/batch=2018-04-02/")


def test_a_case_is_not_reopened_beside_another_open_one_of_the_customer(desk):
    case = desk.opened("t1")
    desk.door.claim(asked(ADA, case))
    desk.door.decide(asked(ADA, case, FRAUD))
    other = desk.opened("t2")

    with pytest.raises(Refused, match=f"has an open case, {other}"):
        desk.door.reopen(asked(LEA, case, {"why": "the customer called"}))
    assert [c.state for c in desk.cases.of_customer("c1")] == ["DECIDED", "OPEN"]


def test_what_is_still_owed_is_sent_before_a_case_is_reopened(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.topic.down = True
    with pytest.raises(Unfinished):
        desk.door.decide(asked(ADA, case, FRAUD))
    with pytest.raises(Owed):
        desk.door.reopen(asked(LEA, case, {"why": "wrong"}))
    with pytest.raises(Busy):  # whoever comes between
        desk.cases.reopen(case, lambda found: reopen(found, LEA, "wrong", desk.at, LOCK))
    assert desk.cases.get(case).state == "DECIDED"

    desk.topic.down = False
    desk.door.reopen(asked(LEA, case, {"why": "wrong"}))
    assert (desk.labels(), len(desk.topic.messages)) == ([("t1", "1")], 1)


def test_a_lead_gives_a_case_to_somebody_whoever_held_it(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    given = desk.door.reassign(asked(LEA, case, {"to": BEN, "why": "ada is ill"}))
    assert given["holder"] == BEN
    with pytest.raises(Refused, match=f"held by {BEN}"):
        desk.door.decide(asked(ADA, case, FRAUD))
    history = desk.door.show(asked(LEA, case))["history"]
    assert [(line["by"], line["did"]) for line in history][1:] == [(ADA, "claimed"), (LEA, f"reassigned to {BEN}")]


def test_comments_stay_with_the_case_in_their_order(desk):
    case = desk.opened()
    for text in ("called, no answer", "called again"):
        desk.door.comment(asked(ADA, case, {"text": text}))
    history = desk.door.show(asked(BEN, case))["history"]
    assert [line.get("why") for line in history] == [None, "called, no answer", "called again"]


def test_what_a_lake_or_topic_refused_is_owed_until_the_watch_has_sent_it(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.topic.down = True
    with pytest.raises(Unfinished):
        desk.door.decide(asked(ADA, case, FRAUD))
    assert desk.cases.get(case).state == "DECIDED"
    assert desk.cases.owed() == [case]

    desk.topic.down = False
    desk.at += DAY  # the night has taken yesterday's batch in
    assert desk.finisher.finish(case)
    assert not desk.finisher.finish(case)
    assert desk.labels() == [("t1", "1")], "it was written yesterday, and is looked for there"
    assert [m["answer"] for m in desk.topic.messages] == ["declined"]
    assert desk.cases.owed() == []


def test_labels_that_were_not_written_on_the_day_go_into_the_batch_of_today(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.lake.refused = "raw/"
    with pytest.raises(Unfinished):
        desk.door.decide(asked(ADA, case, FRAUD))
    desk.lake.refused = None
    desk.at += DAY
    assert desk.finisher.finish(case)
    assert list(desk.lake.objects) == [f"raw/fraud_labels/batch=2018-04-02/case-{case}-1-1.csv"]


def test_labels_are_written_once_however_long_answers_are_owed(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.lake.refused = "raw/"
    with pytest.raises(Unfinished):
        desk.door.decide(asked(ADA, case, FRAUD))
    desk.lake.refused, desk.topic.down = None, True
    for _ in range(3):
        desk.at += DAY
        with pytest.raises(Down):
            desk.finisher.finish(case)
    desk.topic.down = False
    assert desk.finisher.finish(case)
    assert list(desk.lake.objects) == [f"raw/fraud_labels/batch=2018-04-02/case-{case}-1-1.csv"]


def test_whoever_was_given_an_escalated_case_has_it_as_his_next(desk):
    escalated = desk.opened("t1", "c1")
    desk.door.claim(asked(ADA, escalated))
    desk.door.escalate(asked(ADA, escalated, {"why": "a colleague's account"}))
    desk.opened("t2", "c2")
    desk.door.reassign(asked(LEA, escalated, {"to": BEN, "why": "he knows it"}))
    assert desk.door.next(asked(BEN))["case"] == escalated
    desk.at += LOCK + 1
    with pytest.raises(Refused, match="a lead takes it by next-escalated, or reassigns it"):
        desk.door.claim(asked(LEA, escalated))
    assert desk.door.next_escalated(asked(LEA))["case"] == escalated


def test_a_comment_that_crosses_the_settling_leaves_the_case_to_expire(desk):
    case = desk.opened()
    desk.door.claim(asked(ADA, case))
    desk.topic.down = True
    with pytest.raises(Unfinished):
        desk.door.decide(asked(ADA, case, FRAUD))
    desk.topic.down = False
    calls: list[int] = []

    def meanwhile() -> None:
        calls.append(1)
        if len(calls) == 2:  # the case was read, and is about to be written
            desk.table.step = lambda: None
            assert desk.finisher.finish(case)

    desk.table.step = meanwhile
    desk.door.comment(asked(BEN, case, {"text": "noted"}))
    wanted = str(START // 1000 + KEPT_SECONDS)
    assert {item.get("expires", {}).get("N") for item in desk.table.items.values()} == {wanted}
    assert desk.cases.get(case).expires == int(wanted)


@pytest.mark.parametrize("name", ["1", "8", "01", "04", "2018", "17", "OPEN", "score", "honest"])
def test_a_short_name_is_in_no_item_of_others(desk, name):
    desk.opened("T-17", "C-9", reasons=["score", "rule 1"], event_time="2018-04-01T09:30:01.000Z", fraud_score=0.17)
    case = desk.cases.of_payment("T-17").id
    assert desk.cases.holding(name)[1] == 0
    desk.door.claim(asked(ADA, case))
    desk.door.decide(asked(ADA, case, HONEST | {"why": "he is known"}))
    assert desk.cases.holding(name)[1] == 0
    desk.door.comment(asked(ADA, case, {"text": f"lives with {name}"}))
    desk.door.reopen(asked(LEA, case, {"why": "look again"}))
    desk.door.decide(asked(LEA, case, FRAUD | {"why": f"see {name}."}))
    assert desk.cases.holding(name)[1] == 3, "a comment, a decision, and its line of history"
    assert desk.opened("T-18", name) != case
    assert desk.cases.holding(name)[1] > 3


def test_a_decided_case_expires_with_all_that_belongs_to_it_and_an_open_one_never(desk):
    case = desk.opened()
    desk.take_in("t2")
    assert all("expires" not in item for item in desk.table.items.values())
    desk.door.claim(asked(ADA, case))
    desk.door.decide(asked(ADA, case, {**FRAUD, "seen": 2}))
    wanted = str(START // 1000 + KEPT_SECONDS)
    assert {item["expires"]["N"] for item in desk.table.items.values()} == {wanted}

    desk.door.comment(asked(BEN, case, {"text": "noted"}))
    assert {item["expires"]["N"] for item in desk.table.items.values()} == {wanted}
    desk.door.reopen(asked(LEA, case, {"why": "wrong"}))
    assert all("expires" not in item for item in desk.table.items.values() if item["what"]["S"] == "payment")
    assert desk.cases.get(case).expires is None


def test_a_forgotten_customer_leaves_no_item_and_others_stay(desk):
    desk.opened("t1", "C-17")
    desk.take_in("t2", "C-17")
    other = desk.opened("t3", "C-170")
    desk.door.comment(asked(ADA, other, {"text": "lives with C-17"}))
    first = desk.cases.of_payment("t1").id
    desk.door.claim(asked(ADA, first))
    desk.door.decide(asked(ADA, first, {**FRAUD, "seen": 2}))
    desk.opened("t4", "C-17")
    desk.table.page = 2

    items, found = desk.cases.holding("C-17")
    assert (items, found > 10) == (len(desk.table.items), True)
    assert desk.cases.forget("C-17") > 10
    assert desk.cases.holding("C-17")[1] == 1, "somebody's own words name him in another case"
    assert [case.id for case in desk.table.cases] == [other]
    assert desk.cases.forget("C-17") == 0


def test_pages_of_a_state_follow_one_another(desk):
    names = [desk.opened(f"t{n}", f"c{n}") for n in range(5)]
    desk.table.page = 2
    seen, after = [], ""
    while after is not None:
        page = desk.door.listing(asked(ADA, state="OPEN", most="2", **({"after": after} if after else {})))
        seen += [case["case"] for case in page["cases"]]
        after = page["after"]
    assert sorted(seen) == sorted(names)
    assert [c["case"] for c in desk.door.listing(asked(ADA, customer_id="c3"))["cases"]] == [names[3]]


def test_a_change_that_others_always_overtake_is_given_up_and_told(desk):
    case = desk.opened()

    def meanwhile() -> None:
        desk.table.step = lambda: None
        desk.door.comment(asked(BEN, case, {"text": "again"}))
        desk.table.step = meanwhile

    desk.table.step = meanwhile
    with pytest.raises(Busy):
        desk.door.claim(asked(ADA, case))


def test_a_table_that_does_not_answer_changes_nothing(desk):
    case = desk.opened()
    desk.table.down = True
    with pytest.raises(Down):
        desk.door.claim(asked(ADA, case))
    desk.table.down = False
    assert desk.cases.get(case).state == "OPEN"
