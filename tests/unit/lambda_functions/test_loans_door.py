"""The loans' door decides on one application as a month's run would, refuses by name, or sends the loan to a person."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from loans import door as loans_door
from loans import handler
from loans.answered import Answers, OtherQuestion
from loans.door import MODEL_WITHIN, AskAgain, LoansDoor, NotReady, OtherColumns
from scoring.records import Records

from features.application import Application, InvalidApplication
from features.credit import PAYMENT_BEHAVIOUR
from features.declaration import DAY, HOUR
from features.encoding import Column, Encoding
from features.state import State
from features.values import iso
from features.vector import CUSTOMER_LAYOUT
from inference.app import App
from inference.model import Model
from lending.deciding import Loan, decide
from lending.opened import Opened
from lending.policy import Policy
from tests.unit.inference.archives import trained
from tests.unit.lambda_functions.aws import Bucket, Documents, Down, FeatureStore
from training.drift import baseline

NOW = 1_772_000_000_000
PAID = "customer_payment_count_30d"
ENCODING = Encoding((Column("income"), Column("purpose", ("car", "house"))))
POLICY = {
    "version": "test-1",
    "refer_from": 0.2,
    "decline_from": 0.5,
    "points": {"base_score": 600, "base_odds": 30, "pdo": 20},
    "bands": [{"name": "A", "below": 0.2}, {"name": "B", "below": 1}],
    "lgd": 0.5,
    "ead": 100,
    "reasons": [
        {"code": "income", "columns": ["income"], "sentence": "Income insufficient"},
        {"code": "purpose", "columns": ["purpose"], "sentence": "Other: purpose"},
        {"code": "payments", "columns": ["customer_*"], "sentence": "Other: payments"},
    ],
}
POOR = {"customer_id": "c1", "loan_id": "l1", "income": 7, "purpose": "house", "amount": "1200.00", "term_months": 12}


class Server:
    """The model's own server, asked as an endpoint is."""

    def __init__(self, model: Model) -> None:
        self.app = App(model)
        self.down = False
        self.asked = 0

    def invoke_endpoint(self, **request) -> dict:
        if self.down:
            raise Down
        self.asked += 1
        return {"Body": io.BytesIO(self.app.from_json(request["Body"].encode()).body)}


class Scene:
    def __init__(self, folder, **manifest) -> None:
        archive = folder / "archive"
        if not archive.exists():
            trained(archive)
            rng = np.random.default_rng(1)
            seen = np.column_stack([rng.uniform(60, 90, 100), rng.integers(0, 2, 100)]).astype(np.float32)
            (archive / "baseline.json").write_text(json.dumps(baseline(ENCODING.names, seen, np.zeros(100), ())))
        self.model = Model(archive)
        self.bucket, self.documents, self.store = Bucket(), Documents(), FeatureStore()
        packed = io.BytesIO()
        described = json.loads((archive / "manifest.json").read_text()) | manifest
        (archive / "manifest.json").write_text(json.dumps(described))
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for path in sorted(archive.iterdir()):
                tar.add(path, path.name)
        self.bucket.objects["released/credit/3/model.tar.gz"] = packed.getvalue()
        self.documents.put("releases", {"model_data": "s3://lake/released/credit/3/model.tar.gz"}, "credit")
        self.documents.put("policies", POLICY, "credit")
        self.server = Server(self.model)
        self.door = LoansDoor(
            self.documents,
            self.bucket,
            self.server,
            Records(self.store, {"customer": "risk-test-customer"}),
            "risk-test-credit",
            "releases",
            "policies",
            Answers(self.bucket, "lake"),
            {},
            lambda: NOW,
        )

    def answers(self) -> dict[str, dict]:
        return {k: json.loads(b) for k, b in self.bucket.objects.items() if k.startswith("predictions/loan_answers/")}


@pytest.fixture
def scene(tmp_path) -> Scene:
    return Scene(tmp_path)


def test_an_application_alone_is_decided_as_the_run_decides_bit_for_bit(scene):
    asked = {**POOR, "purpose": " house "}
    found = scene.door.decide(asked)
    (kept,) = scene.answers().values()
    run = Loan("c1", "l1", tuple(kept["cells"]))
    (same,) = decide(Opened(scene.model), Policy.parse(POLICY), [run])
    batch = App(scene.model).from_csv((",".join(run.cells) + "\n").encode()).body.decode()

    assert {name: found[name] for name in json.loads(same.line())} == json.loads(same.line()) | {
        "reasons": same.reasons, "sentences": same.sentences, "rules": same.rules
    }  # fmt: skip
    assert repr(found["default_prob"]) == batch.strip()
    assert (found["decision"], found["reasons"][0]) == ("DECLINE", "income")
    assert found["vector_sha256"] == hashlib.sha256(json.dumps(["7.0", "house"]).encode()).hexdigest()
    assert {name: kept[name] for name in found} == json.loads(json.dumps(found))


def test_the_same_decision_is_kept_once_and_whoever_it_is_about_can_be_found_in_it(scene):
    scene.door.decide(POOR)
    scene.door.decide(POOR)
    ((key, kept),) = scene.answers().items()
    (claim,) = [json.loads(body) for key, body in scene.bucket.objects.items() if "/loan_claims/" in key]

    assert key.startswith("predictions/loan_answers/day=2026-02-25/")
    for each in (kept, claim):
        assert (each["customer_id"], each["loan_id"]) == ("c1", "l1")
    assert kept == claim["answer"]


def told(answer: dict) -> dict:
    """As whoever asks reads it."""
    return json.loads(json.dumps(answer))


def test_the_same_application_gets_its_answer_again_whatever_has_become_of_clock_model_and_policy(scene):
    first = scene.door.decide(POOR)
    scene.documents.items.clear()
    scene.server.down = True
    later = replace(scene.door, now=lambda: NOW + 40 * DAY)

    for again in (POOR, {**POOR, "purpose": " house "}, {**POOR, "applied_at": first["applied_at"]}):
        assert told(later.decide(again)) == told(first)
    assert list(scene.answers()) == [key for key in scene.answers() if "day=2026-02-25/" in key]


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"income": 8}, "income"),
        ({"amount": "1200.01", "purpose": None}, "amount, purpose"),
        ({"note": "more"}, "note"),
        ({"applied_at": iso(NOW - HOUR)}, "applied_at"),
        ({f"c{n:02}": n for n in range(12)}, "c00, c01, c02, c03, c04, c05, c06, c07, c08, c09 and 2 more"),
    ],
)
def test_another_application_under_a_known_loan_id_is_refused_by_what_differs(scene, changes, differs):
    scene.door.decide(POOR)
    with pytest.raises(OtherQuestion, match=f"which differs in {differs}; another application needs another loan_id"):
        scene.door.decide({**POOR, **changes})
    assert len(scene.answers()) == 1


def test_another_customers_loan_id_is_refused_and_nothing_is_told_of_it(scene):
    scene.door.decide(POOR)
    with pytest.raises(OtherQuestion) as refused:
        scene.door.decide({**POOR, "customer_id": "c2", "income": 8})

    assert str(refused.value) == "loan_id: another application bears it"


def test_of_two_who_ask_at_once_one_answer_stands_and_both_are_told_it(scene):
    other = replace(scene.door, now=lambda: NOW + 1000)
    won: list[dict] = []
    scene.bucket.meanwhile.append(lambda: won.append(other.decide(POOR)))  # both have looked, and neither has written
    lost = scene.door.decide(POOR)

    assert told(lost) == told(won[0])
    assert lost["applied_at"] == iso(NOW + 1000)
    assert len(scene.answers()) == 1


def test_of_two_applications_at_once_under_one_loan_id_one_is_refused(scene):
    scene.bucket.meanwhile.append(lambda: scene.door.decide({**POOR, "income": 70}))
    with pytest.raises(OtherQuestion, match="differs in income"):
        scene.door.decide(POOR)
    assert len(scene.answers()) == 1


@pytest.mark.parametrize(
    ("first", "again"),
    [(7, 7.0), (7, "7.00"), ("7", 7.0), (100000, "1e5"), ("1,250.50", 1250.5), (-0.0, 0), ("N/A", None), (None, None)],
)
def test_a_cell_that_is_spelt_otherwise_is_the_same_question(scene, first, again):
    answer = scene.door.decide({**POOR, "income": first})

    assert told(scene.door.decide({**POOR, "income": again})) == told(answer)


@pytest.mark.parametrize(
    ("first", "again"), [(0, None), ("car", "Car"), ("01", "1"), ("1" * 20, "1" * 19 + "2"), ("1e999", "inf")]
)
def test_a_cell_that_says_something_else_is_another_question(scene, first, again):
    scene.door.decide({**POOR, "note": first})
    with pytest.raises(OtherQuestion, match="differs in note"):
        scene.door.decide({**POOR, "note": again})


def test_a_column_that_nobody_sent_and_one_of_null_are_the_same_question(scene):
    answer = scene.door.decide(POOR)

    assert told(scene.door.decide({**POOR, "note": None})) == told(answer)


def counted(monkeypatch) -> Counter[str]:
    counts: Counter[str] = Counter()
    monkeypatch.setattr(loans_door, "emit", lambda of, **said: counts.update(said))
    return counts


def test_an_answer_that_stands_is_told_though_its_row_was_not_written_and_the_same_question_writes_it(
    scene, monkeypatch
):
    counts = counted(monkeypatch)
    scene.bucket.refused = "predictions/loan_answers/"
    first, again = scene.door.decide(POOR), scene.door.decide(POOR)

    assert scene.answers() == {}
    assert told(again) == told(first)
    assert (counts["loans_decided"], counts["loans_repeated"], counts["loans_untold"]) == (1, 1, 2)
    scene.bucket.refused = None
    assert told(scene.door.decide(POOR)) == told(first)
    assert [{k: v for k, v in row.items() if k != "cells"} for row in scene.answers().values()] == [told(first)]
    assert counts["loans_untold"] == 2


def test_a_row_that_was_not_written_is_tried_again_within_the_call(scene, monkeypatch):
    counts = counted(monkeypatch)
    tried = []

    def put_object(**request) -> None:
        if "/loan_answers/" in request["Key"]:
            tried.append(request["Key"])
            if len(tried) == 1:
                raise Down
        Bucket.put_object(scene.bucket, **request)

    scene.bucket.put_object = put_object
    scene.door.decide(POOR)

    assert len(tried) == 2
    assert list(scene.answers()) == tried[1:]
    assert counts["loans_untold"] == 0


def test_a_decision_that_was_written_and_not_confirmed_is_told_to_whoever_asks_again(scene):
    def put_object(**request) -> None:
        Bucket.put_object(scene.bucket, **request)
        raise Down

    scene.bucket.put_object = put_object
    with pytest.raises(AskAgain, match="could not be recorded"):
        scene.door.decide(POOR)
    del scene.bucket.put_object
    again = replace(scene.door, now=lambda: NOW + DAY).decide(POOR)

    assert again["applied_at"] == iso(NOW)
    assert len(scene.answers()) == 1


def test_of_two_who_ask_at_once_one_decision_is_counted_and_one_repetition(scene, monkeypatch):
    counts = counted(monkeypatch)
    scene.bucket.meanwhile.append(lambda: scene.door.decide(POOR))
    scene.door.decide(POOR)

    assert (counts["loans_decided"], counts["loans_declined"], counts["loans_repeated"]) == (1, 1, 1)


@pytest.mark.parametrize("cell", ["a lot", "inf", "1e999"])
def test_one_cell_that_cannot_be_read_sends_the_loan_to_a_person_by_the_columns_name(scene, cell):
    found = scene.door.decide({**POOR, "income": cell})

    assert (found["decision"], found["sentences"]) == ("REFER", ("could not be read: column income",))


def test_a_column_of_the_model_that_was_not_sent_is_refused_by_its_name_and_null_is_sent(scene):
    with pytest.raises(OtherColumns, match="missing income, which the model was trained on"):
        scene.door.decide({name: value for name, value in POOR.items() if name != "income"})
    assert scene.door.decide({**POOR, "income": None})["decision"] != "REFER"


def test_the_endpoint_is_asked_three_times_however_many_concepts_may_be_a_reason(scene):
    scene.door.decide(POOR)

    assert scene.server.asked == 3  # for the score, the contributions, and all concepts at their usual values


def test_a_call_that_would_end_too_late_does_not_begin_and_nothing_is_decided(scene):
    door = replace(scene.door, now=lambda: NOW + scene.server.asked * (MODEL_WITHIN + 1))
    with pytest.raises(AskAgain, match="the model cannot be asked now"):
        door.decide(POOR)

    assert scene.server.asked == 1
    assert scene.answers() == {}


def test_a_policy_of_other_content_decides_though_its_number_is_the_same(scene):
    scene.door.decide(POOR)
    scene.documents.items["policies", "credit"]["body"]["S"] = json.dumps({**POLICY, "version": "other"})

    assert scene.door.decide({**POOR, "loan_id": "l2"})["policy_version"].startswith("other@")


def test_an_application_of_before_the_last_payment_goes_to_a_person(tmp_path):
    with_payments = Encoding((*ENCODING.columns[:1], Column(PAID)))
    scene = Scene(tmp_path, columns=with_payments.document())
    scene.server.app.model.encoding = with_payments
    state = State(CUSTOMER_LAYOUT)
    state.pay(NOW - HOUR, 500, "m1", "t1")
    paying(scene, state)
    of = {"before": NOW - 2 * HOUR, "after": NOW - HOUR // 2}
    found = {
        name: scene.door._loan(Application.parse({**POOR, "applied_at": iso(at)}, NOW), known(scene))
        for name, at in of.items()
    }

    assert (found["before"].unread, found["before"].cells[1]) == ((PAID,), "")
    assert (found["after"].unread, found["after"].cells[1]) == ((), "1.0")


def test_a_model_of_other_features_is_refused_by_their_names(tmp_path):
    scene = Scene(tmp_path, fingerprints={"gone": "12345678"})
    with pytest.raises(NotReady, match="trained on gone, which this code does not compute"):
        scene.door.decide(POOR)


def test_without_a_model_and_without_a_policy_nothing_is_decided_and_it_is_said_why(scene):
    scene.documents.items.pop(("policies", "credit"))
    with pytest.raises(NotReady, match="no credit policy is published"):
        scene.door.decide(POOR)
    scene.documents.items.pop(("releases", "credit"))
    with pytest.raises(NotReady, match="no credit model is approved"):
        scene.door.decide(POOR)
    assert scene.answers() == {}


def test_while_the_endpoint_changes_over_the_model_before_answers_in_its_own_name(scene, tmp_path):
    described = json.loads((tmp_path / "archive" / "manifest.json").read_text()) | {"name": "model-8"}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.size = len(json.dumps(described))
        tar.addfile(info, io.BytesIO(json.dumps(described).encode()))
    scene.bucket.objects["released/credit/4/model.tar.gz"] = packed.getvalue()
    newer = {"model_data": "s3://lake/released/credit/4/model.tar.gz"}
    before = scene.documents.body("releases", "credit")
    scene.documents.put("releases", {**newer, "before": before}, "credit")

    assert scene.door.decide(POOR)["model"] == "model-7"
    scene.documents.put("releases", newer, "credit")
    with pytest.raises(AskAgain, match="release is under way"):
        scene.door.decide({**POOR, "loan_id": "l2"})


def test_what_is_away_is_asked_for_again_and_nothing_is_told_that_is_not_kept(scene):
    scene.server.down = True
    with pytest.raises(AskAgain, match="the model cannot be asked now"):
        scene.door.decide(POOR)
    scene.server.down = False
    scene.bucket.refused = "predictions/loan_claims/"
    with pytest.raises(AskAgain, match="could not be recorded"):
        scene.door.decide(POOR)


AMOUNTS = Encoding((*ENCODING.columns, Column("amount"), Column("term_months")))
TOO_MUCH = {"name": "much", "column": "amount", "above": 100000, "action": "REFER", "sentence": "Amount beyond scope"}
OF_AMOUNTS = {"code": "amount", "columns": ["amount", "term_months"], "sentence": "Amount too high"}


def of_amounts(tmp_path) -> Scene:
    """A model of amount and term, too, and a policy with a rule about the amount."""
    scene = Scene(tmp_path, columns=AMOUNTS.document())
    scene.documents.put(
        "policies", {**POLICY, "rules": [TOO_MUCH], "reasons": [*POLICY["reasons"], OF_AMOUNTS]}, "credit"
    )
    return scene


@pytest.mark.parametrize("name", ["amount", "Amount", " AMOUNT "])
def test_an_amount_meets_its_rule_however_its_column_is_spelt(tmp_path, name):
    scene = of_amounts(tmp_path)
    asked = {n: cell for n, cell in POOR.items() if n != "amount"} | {name: "5000000"}
    application = Application.parse(asked, NOW)
    loan = scene.door._loan(application, known(scene))

    assert application.amount == 500_000_000
    assert loan.cells[2] == "5000000.0"


@pytest.mark.parametrize("name", ["amount", "term_months"])
def test_an_amount_or_a_term_that_was_not_sent_is_refused_and_null_is_sent(name):
    with pytest.raises(InvalidApplication, match=f"missing {name}: send each, null where nothing is known"):
        Application.parse({n: cell for n, cell in POOR.items() if n != name}, NOW)
    assert name in Application.parse({**POOR, name: None}, NOW).columns


def test_what_is_always_there_is_payment_behaviour_alone():
    bare = replace(Application.parse(POOR, NOW), named=frozenset())

    assert bare.columns == set(PAYMENT_BEHAVIOUR.columns)


def test_a_record_that_cannot_be_read_declines_nobody_through_a_rule_about_a_missing_cell(tmp_path):
    with_payments = Encoding((*ENCODING.columns[:1], Column(PAID)))
    scene = Scene(tmp_path, columns=with_payments.document())
    scene.server.app.model.encoding = with_payments
    never = {"name": "n", "column": PAID, "missing": True, "action": "DECLINE", "sentence": "Other: no payments"}
    scene.documents.put("policies", {**POLICY, "rules": [never]}, "credit")
    scene.store.down = True
    found = scene.door.decide(POOR)

    assert (found["decision"], found["rules"]) == ("REFER", ())
    assert found["reasons"] == ("unread",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"loan_id": None}, "missing loan_id"),
        ({"Amount": "1"}, "expected every column once, whatever its case; came: amount, Amount"),
        ({"Income": 1}, "expected every column once, whatever its case; came: income, Income"),
        ({"amount": "12 euros"}, "amount: expected a decimal amount"),
        ({"amount": True}, "amount: expected a decimal amount"),
        ({"term_months": 12.5}, "term_months: expected a whole number"),
        ({"applied_at": "2020-01-01T00:00:00Z"}, "applied_at: expected within the last day"),
        ({"note": "4111 1111 1111 1111"}, "note looks like a card number"),
        ({"note": ["a"]}, "note: expected a number, a text"),
        ({"customer_id": "a\nb"}, "customer_id: expected text without line breaks"),
        ({"loan_id": "1.2E+12"}, "found a number that a spreadsheet has rounded"),
    ],
)
def test_what_is_no_application_is_refused_by_its_column(changes, said):
    with pytest.raises(InvalidApplication, match=said):
        Application.parse({**POOR, **changes}, NOW)


def test_a_column_that_bears_a_name_of_ours_is_known_as_in_training():
    found = Application.parse({**POOR, "label": "1", PAID: "3"}, NOW)

    assert found.cells({PAID: 7.0})["label (of the file)"] == "1"
    assert found.cells({PAID: 7.0})[PAID] == 7.0
    assert (found.amount, found.term_months, found.at) == (120_000, 12, NOW)


def test_the_handler_answers_by_what_has_happened(scene, monkeypatch):
    undecided = []
    monkeypatch.setattr(handler, "door", lambda: scene.door)
    monkeypatch.setattr(handler.metrics, "emit", lambda of, **said: undecided.append(said.get("loans_undecided", 0)))
    asked = {"body": json.dumps(POOR)}

    def status(event: dict) -> int:
        return handler.handle(event, None)["statusCode"]

    assert status(asked) == 200
    assert json.loads(handler.handle(asked, None)["body"])["decision"] == "DECLINE"
    assert [status({"body": body}) for body in ("no json", "[]", "{}", '{"a": NaN}', "x" * 300_000)] == [400] * 4 + [
        413
    ]
    assert status({"body": json.dumps({**POOR, "income": 8})}) == 409
    scene.server.down = True
    assert sum(undecided) == 0
    assert status(asked) == 200
    asked = {"body": json.dumps({**POOR, "loan_id": "l2"})}
    assert status(asked) == 503
    scene.documents.items.clear()
    assert status(asked) == 409
    assert sum(undecided) == 2


def paying(scene: Scene, state: State) -> None:
    scene.store.records["risk-test-customer", "c1"] = {
        "customer_id": "c1", "event_time": "2026-02-25T00:00:00.000Z", "state": state.dump()
    }  # fmt: skip


def test_what_the_record_cannot_tell_yet_sends_the_loan_to_a_person(tmp_path):
    with_payments = Encoding((*ENCODING.columns[:1], Column(PAID)))
    scene = Scene(tmp_path, columns=with_payments.document())
    scene.server.app.model.encoding = with_payments
    state = State(CUSTOMER_LAYOUT)
    state.pay(NOW - HOUR, 500, "m1", "t1")
    assert PAYMENT_BEHAVIOUR.columns.index(PAID) >= 0
    cells = scene.door._loan(Application.parse(POOR, NOW), known(scene))
    assert cells.cells[1] == "0.0"
    paying(scene, state)
    assert scene.door._loan(Application.parse(POOR, NOW), known(scene)).cells[1] == "1.0"
    state.young = {PAID: NOW - DAY}
    paying(scene, state)
    assert scene.door._loan(Application.parse(POOR, NOW), known(scene)).unread == (PAID,)
    scene.store.down = True
    lost = scene.door._loan(Application.parse(POOR, NOW), known(scene))
    assert (lost.unread, replace(lost, unread=()).cells[1]) == ((PAID,), "")


def known(scene: Scene):
    from loans.served import described

    return described(scene.bucket, "s3://lake/released/credit/3/model.tar.gz")
