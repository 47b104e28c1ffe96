"""One pure function behind both doors, and what a decision document holds."""

from __future__ import annotations

import json

import pytest
from scoring.decision import Answer, decide, decision_date
from scoring.policy import Policy
from scoring.settings import MissingSettings, from_environment

from features.fraud import FRAUD
from features.payment import Payment
from features.vector import Knowledge, fraud_vector
from glue.tables import DECISIONS
from tests.ruled import limit

PAYMENT = Payment("t1", 1_522_575_000_000, "c1", "m1", 1250)
VECTOR = fraud_vector(PAYMENT.at, PAYMENT.at, PAYMENT.amount, PAYMENT.merchant_id, Knowledge.nothing())
TRAFFIC = [3, 900, 12, 4_000, 40, 90_000]
POLICY = Policy("7", 0.5, 0.9, (limit("large", "amount", 1000, "REVIEW"),))


def decided(answer=Answer(0.2, "model-7"), vector=VECTOR, step="none", policy=POLICY, traffic=TRAFFIC):  # noqa: B008
    made = {
        "step": step,
        "door": "api",
        "counted_at": PAYMENT.at,
        "arrived_at": 5,
        "decided_at": 9,
        "velocity_exact": True,
    }
    return decide(PAYMENT, vector, answer, policy, traffic=traffic, **made)


def test_a_decision_says_everything_that_explains_it():
    assert decided().document() == {
        "transaction_id": "t1",
        "fraud_score": 0.2,
        "action": "REVIEW",
        "explanation": [],
        "reasons": ["large"],
        "event_time": "2018-04-01T09:30:00.000Z",
        "customer_id": "c1",
        "merchant_id": "m1",
        "amount_cents": 1250,
        "vector": VECTOR,
        "traffic": TRAFFIC,
        "feature_version": FRAUD.version,
        "model": "model-7",
        "policy_version": "7",
        "degrade_step": "none",
        "door": "api",
        "counted_at": PAYMENT.at,
        "overtaken": False,
        "arrived_at": 5,
        "decided_at": 9,
        "velocity_exact": True,
        "judged_again": None,
        "listed": [],
        "without_effect": [],
    }


def test_a_decision_document_has_the_columns_of_the_table_that_athena_reads():
    *first, listed, without_effect = decided().document()
    assert (*first, "attributes", "event", listed, without_effect) == DECISIONS.column_names


def test_a_decision_survives_json_bit_for_bit():
    document = decided().document()

    assert json.loads(json.dumps(document)) == document


def test_rules_speak_when_there_is_no_vector():
    assert decided(Answer(None, None), vector=None).reasons == ["no_model_score", "large"]


def test_rules_see_the_traffic_at_the_merchant_and_say_nothing_of_what_was_not_read():
    busy = Policy("8", 0.5, 0.9, (limit("busy_merchant", "traffic_payment_count_1h", 11, "BLOCK"),))

    assert decided(policy=busy).action == "BLOCK"
    assert decided(policy=busy, traffic=[3, 900, 11, 4_000, 40, 90_000]).action == "APPROVE"
    assert decided(policy=busy, traffic=None).action == "APPROVE"


def test_a_vector_of_another_width_is_never_decided_on():
    with pytest.raises(ValueError, match="shorter"):
        decided(vector=VECTOR[:-1])


def test_a_decision_lies_in_the_partition_of_the_payments_day():
    assert decision_date(decided().document()) == "2018-04-01"


def settings_kind():
    from decide.handler import Settings

    return Settings


def test_settings_name_every_missing_variable_at_once():
    first = "ACCOUNT_GROUP, ADDRESS_TRAFFIC_GROUP, ANSWERS_TABLE, CUSTOMER_GROUP, DEVICE_GROUP, DEVICE_TRAFFIC_GROUP"
    next_ = "LAKE_BUCKET, LISTS_TABLE, MERCHANT_GROUP"
    then = "METRIC_NAMESPACE, POLICIES_TABLE, RELEASES_TABLE, SIGNING_KEY, STREAM_NAME, TAILS_TABLE, TRAFFIC_GROUP"
    with pytest.raises(MissingSettings, match=f"{first}, {next_}, {then}"):
        from_environment(settings_kind(), {"ENDPOINT_NAME": "e", "STREAM_NAME": ""})


def test_settings_are_read_from_variables_of_their_names():
    known = ("customer_group", "merchant_group", "account_group", "device_group")
    groups = (*known, "traffic_group", "device_traffic_group", "address_traffic_group")
    tables = ("answers_table", "tails_table", "lists_table", "releases_table", "policies_table")
    names = (*tables, "stream_name", "signing_key", "endpoint_name", *groups, "metric_namespace", "lake_bucket")
    settings = from_environment(settings_kind(), {**{n.upper(): f"the {n}" for n in names}, "OTHER": "x"})

    assert vars(settings) == {n: f"the {n}" for n in names}
