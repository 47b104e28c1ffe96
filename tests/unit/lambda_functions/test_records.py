"""The scorer's calls to AWS: complete, bounded, and patient for as long as it helps."""

from __future__ import annotations

import pytest
from scoring.live import RELEASE_SECONDS
from scoring.model import Model
from scoring.policy import InvalidPolicy
from scoring.records import BEYOND_A_NIGHT, PATIENCE, StoreUnavailable, recorded

from features.declaration import DAY
from features.fraud import FRAUD
from features.payment import Payment
from features.state import Layout, State, payment_event
from features.vector import CUSTOMER_LAYOUT, DEVICE_LAYOUT
from tests.unit.lambda_functions.aws import Down, Endpoint
from tests.unit.lambda_functions.scene import GROUPS, POLICY, Scene, fields

ARRIVED = 0


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("scoring.records.time.sleep", lambda seconds: None)


SAID = ({"device_id": "d1"}, {"device_id": "d2"}, {"device_id": "d\n1"}, {})


def one_payment(at: int) -> State:
    state = State(CUSTOMER_LAYOUT)
    state.pay(at, 100, "m1", f"t{at}")
    return state


def test_what_was_written_is_read_back():
    scene = Scene()
    scene.records.write("customer", {"c1": one_payment(1000)}, ARRIVED)

    states = scene.records.read({"customer": ["c1", "c2"], "merchant": ["m1"]})

    assert states["customer"]["c1"].dump() == one_payment(1000).dump()
    assert states["customer"]["c2"].dump() == State(CUSTOMER_LAYOUT).dump(), "never seen: empty"
    assert states["merchant"]["m1"].clock == -1


def test_what_is_known_of_a_device_is_read_beside_the_others_and_nothing_of_one_that_no_record_can_be_known_by():
    scene = Scene()
    device = State(DEVICE_LAYOUT)
    device.apply(payment_event(1000, 100, cells={"customer_id": 7}))
    scene.records.write("device", {"d1": device}, ARRIVED)
    asked = [Payment(f"t{n}", 2000, "c1", "m1", 100, further=said) for n, said in enumerate(SAID)]

    known = scene.records.about(asked)

    assert [each.device.clock for each in known] == [1000, -1, -1, -1]
    assert all(each.whole for each in known)


def test_a_record_goes_to_the_online_store_alone_with_the_time_and_the_meaning_it_has():
    scene = Scene()
    scene.records.write("customer", {"c1": one_payment(1_522_575_000_000)}, ARRIVED)

    ((entry,),) = scene.store.writes
    values = {f["FeatureName"]: f["ValueAsString"] for f in entry["Record"]}
    assert entry["TargetStores"] == ["OnlineStore"]
    assert values["event_time"] == "2018-04-01T09:30:00.000Z"
    assert values["feature_version"] == FRAUD.version
    assert set(values) == {"customer_id", "event_time", "feature_version", "state"}


def test_a_record_is_later_than_the_one_before_though_no_clock_has_moved():
    """Feature Store keeps the old record otherwise: of three payments in one millisecond it would know the first."""
    scene, at = Scene(), 1_522_575_000_000
    for number in range(3):
        state = scene.records.read({"customer": ["c1"]})["customer"]["c1"]
        state.pay(at, 100, "m1", f"t{number}")
        scene.records.write("customer", {"c1": state}, ARRIVED)

    assert all(scene.records.read({"customer": ["c1"]})["customer"]["c1"].knows(f"t{number}") for number in range(3))


def test_a_record_is_no_older_than_the_arrival_of_what_it_holds():
    """A publication that folded the lake before that does not know the payment, and must not win."""
    scene = Scene()
    scene.records.write("customer", {"c1": one_payment(1000)}, 1_522_575_000_000)

    assert scene.store.records[GROUPS["customer"], "c1"]["event_time"] == "2018-04-01T09:30:00.000Z"


def test_a_record_of_another_feature_version_is_followed_by_a_later_one():
    scene = Scene()
    scene.records.write("customer", {"c1": one_payment(1000)}, 5000)
    scene.store.records[GROUPS["customer"], "c1"]["feature_version"] = "older"
    afresh = scene.records.read({"customer": ["c1"]})["customer"]["c1"]
    afresh.pay(2000, 100, "m1", "t2")
    scene.records.write("customer", {"c1": afresh}, ARRIVED)

    assert scene.records.read({"customer": ["c1"]})["customer"]["c1"].knows("t2")


def test_a_record_that_was_written_with_other_features_keeps_what_both_know():
    scene = Scene()
    fewer = Layout([w for w in CUSTOMER_LAYOUT.windows if w.name != "customer_payment_count_10m"])
    state = State(fewer)
    state.pay(1000, 100, "m1", "t1")
    scene.records.write("customer", {"c1": state}, ARRIVED)

    found = scene.records.read({"customer": ["c1"]})["customer"]["c1"]

    assert found.knows("t1")
    assert found.values(2000)["customer_payment_amount_10m"] == 100
    assert found.values(2000)["customer_payment_count_10m"] is None


def test_many_identifiers_are_asked_for_in_calls_that_the_api_takes():
    scene = Scene()
    scene.records.write("customer", {f"c{i}": one_payment(1000 + i) for i in range(130)}, ARRIVED)

    states = scene.records.read({"customer": [f"c{i}" for i in range(130)], "merchant": ["m1"]})

    assert [sum(len(g["RecordIdentifiersValueAsString"]) for g in call) for call in scene.store.reads] == [100, 31]
    assert all(states["customer"][f"c{i}"].clock == 1000 + i for i in range(130))
    assert [len(call) for call in scene.store.writes] == [25, 25, 25, 25, 25, 5]


def test_identifiers_that_were_left_unprocessed_are_asked_for_again():
    scene = Scene()
    scene.records.write("customer", {f"c{i}": one_payment(1000 + i) for i in range(4)}, ARRIVED)
    scene.store.spared = PATIENCE - 1

    states = scene.records.read({"customer": [f"c{i}" for i in range(4)]})

    assert all(states["customer"][f"c{i}"].clock == 1000 + i for i in range(4))


def test_patience_with_reads_ends():
    scene = Scene()
    scene.store.spared = 100

    with pytest.raises(StoreUnavailable, match="unprocessed"):
        scene.records.read({"customer": ["c1"]})
    assert len(scene.store.reads) == PATIENCE


def test_an_error_of_one_record_is_an_error_and_not_an_empty_record():
    scene = Scene()
    scene.store.read_error = "AccessDenied"

    with pytest.raises(StoreUnavailable, match="AccessDenied"):
        scene.records.read({"customer": ["c1"]})


def test_a_store_that_does_not_answer_is_unavailable():
    scene = Scene()
    scene.store.down = True

    with pytest.raises(StoreUnavailable, match="Down"):
        scene.records.read({"customer": ["c1"]})
    with pytest.raises(StoreUnavailable, match="Down"):
        scene.records.write("customer", {"c1": one_payment(1)}, ARRIVED)


def test_records_that_were_refused_or_left_are_written_again():
    scene = Scene()
    scene.store.failing, scene.store.spared = 2, 1
    states = {f"c{i}": one_payment(1000 + i) for i in range(5)}

    scene.records.write("customer", states, ARRIVED)

    assert [len(call) for call in scene.store.writes] == [5, 2, 1]
    assert {identifier for _, identifier in scene.store.records} == set(states)


def test_patience_with_writes_ends():
    scene = Scene()
    scene.store.failing = 100

    with pytest.raises(StoreUnavailable, match="1 records were left unwritten"):
        scene.records.write("customer", {"c1": one_payment(1)}, ARRIVED)
    assert len(scene.store.writes) == PATIENCE


def test_scores_come_in_the_order_of_the_vectors():
    model = Model(Endpoint(lambda rows: [row[0] / 10 for row in rows]), "e")

    assert [a.score for a in model.score([[1.0], [2.0], [3.0]])] == [0.1, 0.2, 0.3]
    assert model.score([[1.0]])[0].model == "model-7"


def test_an_endpoint_that_answers_for_fewer_rows_is_not_believed():
    with pytest.raises(ValueError, match="asked for 2 scores, the endpoint gave 1"):
        Model(Endpoint(lambda rows: [0.5]), "e").score([[1.0], [2.0]])


RELEASES = "risk-test-releases"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def released(scene: Scene, **changes) -> None:
    scene.documents.put(RELEASES, {"policy": {**POLICY, **changes}})


def test_the_policy_is_read_once_in_half_a_minute():
    scene, clock = Scene(), Clock()
    release = scene.release(clock)
    release.policy(None)
    released(scene, version="8")
    clock.now = RELEASE_SECONDS - 1

    assert release.policy(None).version == "7"
    assert scene.documents.reads == 1
    clock.now = RELEASE_SECONDS + 1
    assert release.policy(None).version == "8"
    assert scene.documents.reads == 2


def test_each_model_is_judged_by_the_policy_that_was_solved_for_it():
    scene = Scene(policy={**POLICY, "version": "8", "model": "new"})
    value = scene.documents.body(RELEASES)
    scene.documents.put(RELEASES, {**value, "earlier_policy": {**POLICY, "model": "old"}})
    release = scene.release()

    assert [release.policy(model).version for model in ("old", "new", "another", None)] == ["7", "8", "8", "8"]


def test_a_model_that_answers_for_the_first_time_has_the_release_read_once():
    scene = Scene(policy={**POLICY, "model": "old"})
    release = scene.release()
    release.policy("old")
    released(scene, version="8", model="new")

    assert [release.policy("new").version for _ in range(3)] == ["8"] * 3
    assert scene.documents.reads == 2
    assert [release.policy("unheard of").version for _ in range(3)] == ["8"] * 3
    assert scene.documents.reads == 3


def test_an_old_policy_serves_on_when_dynamodb_does_not_answer():
    scene, clock = Scene(), Clock()
    release = scene.release(clock)
    release.policy(None)
    scene.documents.down = True
    clock.now = 1000

    assert release.policy(None).version == "7"
    release.policy(None)
    assert scene.documents.reads == 2, "it is not asked again for every payment"


@pytest.mark.parametrize("policy", [None, {"version": "8"}, {**POLICY, "review_at": 2}])
def test_an_old_policy_serves_on_when_the_new_one_is_unusable(policy):
    scene, clock = Scene(), Clock()
    release = scene.release(clock)
    release.policy(None)
    scene.documents.put(RELEASES, {"policy": policy})
    clock.now = 1000

    assert release.policy(None).version == "7"


def test_without_any_policy_ever_read_the_failure_shows():
    scene = Scene()
    scene.documents.down = True

    with pytest.raises(Down):
        scene.release().policy(None)
    with pytest.raises(InvalidPolicy):
        Scene(policy=None).release().policy(None)


@pytest.mark.parametrize("damage", [{"state": "{"}, {"state": "[]"}, {"state": None}, {"event_time": "once"}])
def test_a_record_that_nobody_of_ours_has_written_is_a_store_that_does_not_answer(damage):
    scene = Scene()
    scene.records.write("customer", {"c1": one_payment(1000)}, ARRIVED)
    record = scene.store.records[(GROUPS["customer"], "c1")]
    scene.store.records[(GROUPS["customer"], "c1")] = {k: v for k, v in {**record, **damage}.items() if v is not None}

    with pytest.raises(StoreUnavailable, match="a damaged record"):
        scene.records.read({"customer": ["c1"]})
    assert scene.ask(fields(0))["degrade_step"] == "default_features", "the payer gets an answer"


def test_rules_do_without_a_damaged_record_of_the_traffic():
    scene = Scene()
    scene.store.records[(GROUPS["traffic"], "m1")] = {"merchant_id": "m1", "event_time": "once"}

    decision = scene.ask(fields(0))

    assert (decision["degrade_step"], decision["traffic"]) == ("none", None)


def test_a_record_that_counts_at_tomorrows_midnight_is_later_than_that_nights():
    midnight = 20_000 * DAY
    state = State(CUSTOMER_LAYOUT)
    state.pay(midnight, 100, "m1", "t1")

    assert recorded(state, arrived=midnight - 1_000) == midnight + BEYOND_A_NIGHT
    assert recorded(state, arrived=midnight + 1) == midnight + 1
