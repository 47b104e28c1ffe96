"""Both doors count a payment in the home currency, with the rate that the lake will use, or refuse it."""

from __future__ import annotations

import pytest
from scoring.terms import AGAIN, SECONDS, Terms, TermsUnread

from features.currency import UNIT, Rates
from features.payment import InvalidPayment, Payment
from tests.unit.lambda_functions.aws import Bucket, Down
from tests.unit.lambda_functions.scene import NOW, Scene, fields, publish

RATES = Rates("EUR").published([("USD", "2018-03-30", UNIT * 8 // 10)], "2018-03-31")


@pytest.fixture
def scene() -> Scene:
    found = Scene()
    found.publish(RATES)
    return found


def test_both_doors_count_a_payment_in_the_home_currency(scene):
    asked = scene.ask(fields(0, amount="10.00", currency="usd"))
    assert not scene.deliver(
        [fields(1, amount="20.00", currency="USD", customer="c2"), fields(2, amount="5", currency="EUR")]
    )

    assert asked["amount_cents"] == 800
    assert {d["transaction_id"]: d["amount_cents"] for d in scene.bucket.lines()} == {"t0": 800, "t1": 1_600, "t2": 500}
    later = scene.customer("c2").clock + 1
    assert scene.customer("c2").values(later)["customer_payment_amount_1h"] == 1_600


def test_what_the_api_door_has_counted_the_stream_door_counts_alike(scene):
    payment = fields(0, currency="USD")
    assert not scene.deliver([{**payment, "decision": scene.ask(payment)}])

    (logged,) = scene.bucket.lines()
    assert (logged["amount_cents"], logged["overtaken"], logged["door"]) == (800, False, "api")


def test_a_currency_that_no_rate_is_known_of_is_refused_at_both_doors(scene):
    with pytest.raises(InvalidPayment, match="currency: no rate of this currency to EUR is known for 2018-04-01"):
        scene.ask(fields(0, currency="XAU"))
    assert scene.deliver([fields(0, currency="XAU")])
    assert not scene.bucket.lines()


def test_before_a_night_has_named_a_currency_amounts_stay_as_they_come():
    assert Scene().ask(fields(0, currency="USD"))["amount_cents"] == 1_000


def test_a_payment_without_a_currency_asks_for_no_rates():
    scene = Scene()
    calls = scene.calls_during(lambda: scene.ask(fields(0)))
    assert calls["get_object"] == 0


class Silent(Bucket):
    """An S3 that answers while it is not `down`."""

    down = False
    asked = reads = 0

    def list_objects_v2(self, **request):
        self.asked += 1
        if self.down:
            raise Down
        return super().list_objects_v2(**request)

    def get_object(self, **request):
        self.reads += 1
        return super().get_object(**request)


def test_known_rates_are_read_again_when_they_are_others_and_kept_while_s3_is_silent():
    now, bucket = [0.0], Silent()
    terms = Terms(bucket, "lake", lambda: now[0])
    payment = fields(0, currency="USD")
    publish(bucket, RATES)
    assert terms.payment(payment, NOW).amount == 800

    now[0] += SECONDS + 1
    assert terms.payment(payment, NOW).amount == 800
    assert bucket.reads == 1, "nothing new was published"
    bucket.down = True
    now[0] += SECONDS + 1
    assert [terms.payment(payment, NOW).amount for _ in range(100)] == [800] * 100
    assert bucket.asked == 3, "a batch does not wait for S3 payment by payment"
    bucket.down = False
    now[0] += AGAIN
    publish(bucket, Rates("USD"))
    assert terms.payment(payment, NOW).amount == 1_000
    assert bucket.reads == 2


def test_without_terms_that_were_ever_read_nothing_is_decided_on_a_foreign_amount():
    bucket = Silent()
    bucket.down = True
    terms = Terms(bucket, "lake", lambda: 0.0)

    with pytest.raises(TermsUnread):
        terms.payment(fields(0, currency="USD"), NOW)
    assert terms.payment(fields(0), NOW).amount == 1_000


@pytest.mark.parametrize("currency", [978, True, ["EUR"]])
def test_a_currency_that_is_no_text_is_refused(currency):
    with pytest.raises(InvalidPayment, match="currency: expected an ISO 4217 code such as EUR"):
        Payment.parse(fields(0, currency=currency))


def test_a_column_that_was_declared_to_hold_no_cards_is_taken_at_both_doors_and_no_other(scene):
    scene.publish(RATES, "order_no")
    looks_like = fields(0, order_no="4111111111111111")

    assert scene.ask(looks_like)["action"] == "APPROVE"
    assert not scene.deliver([fields(1, order_no="4111111111111111")])
    with pytest.raises(InvalidPayment, match="note looks like a card number"):
        scene.ask(fields(2, note="4111111111111111"))
    assert scene.deliver([fields(3, note="4111111111111111")])


@pytest.mark.parametrize("stamp", ["2018-04-01", "2018-04-01T09:10", "2018-04-01 09", "2018/04/01"])
def test_a_time_that_is_a_day_or_a_minute_is_refused_at_both_doors_unless_it_was_declared(scene, stamp):
    coarse = {**fields(0), "event_time": stamp}
    with pytest.raises(InvalidPayment, match="event_time: expected a time to the second, found a day or a minute"):
        scene.ask(coarse)
    assert scene.deliver([coarse])

    scene.publish(RATES, coarse_times=True)

    assert scene.ask(coarse)["action"] == "APPROVE"
    assert not scene.deliver([{**coarse, "transaction_id": "t9"}])


@pytest.mark.parametrize(
    "stamp", ["2018-04-01T09:10:00Z", "20180401T091000", "2018-04-01T09:10Z", "2018-04-01 09:10:00"]
)
def test_a_time_that_names_its_seconds_is_taken(scene, stamp):
    assert scene.ask({**fields(0), "event_time": stamp})["action"] == "APPROVE"
