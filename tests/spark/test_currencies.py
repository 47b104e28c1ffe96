"""Payments are added up in one currency: the lake converts, exactly as `features.currency` says, or sets aside."""

from __future__ import annotations

import random

from features.currency import UNIT, Rates, UnknownCurrency
from features.values import instant
from glue.tables import GOLD, SILVER
from glue.transforms.money import in_home_currency

HEADER = "transaction_id,event_time,customer_id,merchant_id,amount,currency,device_id,colour\n"
RATES = "currency,day,rate\nEUR,2018-03-30T16:00:00Z,1\nUSD,2018-03-30T16:00:00Z,0.815\nJPY,2018-04-01,0.0077\n"


def pay(bank, batch: str, *rows: str) -> None:
    bank.put("transactions", batch, "paid.csv", HEADER + "".join(f"{row}\n" for row in rows))


def test_gold_has_every_amount_in_the_home_currency_and_what_was_told_besides(bank):
    bank.put("exchange_rates", "b1", "rates.csv", RATES)
    pay(
        bank,
        "b1",
        "t1,2018-04-02T09:00:00Z,c1,m1,10,usd,d1,red",
        "t2,2018-04-02T09:01:00Z,c1,m1,1000,JPY,,",
        "t3,2018-04-02T09:02:00Z,c1,m1,3,,,",
        *(f"u{n},2018-04-02T10:{n}:00Z,c2,m1,1,EUR,," for n in range(10, 30)),
        "t4,2018-04-02T09:03:00Z,c1,m1,3,XAU,,",
    )
    bank.take_in("b1")
    bank.to_gold("b1")

    silver = {row["transaction_id"]: row for row in bank.rows(SILVER["transactions"])}
    assert [(silver[t]["amount_cents"], silver[t]["original_cents"]) for t in ("t1", "t2", "t3")] == [
        (815, 1_000),
        (770, 100_000),
        (300, 300),
    ]
    assert bank.reasons() == {"t4": ["unknown_currency"]}
    gold = {row["transaction_id"]: row for row in bank.rows(GOLD["transaction_features"])}
    assert [gold[t]["amount"] for t in ("t1", "t2", "t3")] == [815.0, 770.0, 300.0]
    assert gold["t3"]["customer_payment_amount_1h"] == 815.0 + 770.0
    told = {name: gold["t1"][name] for name in ("currency", "original_cents", "device_id", "attributes", "country")}
    assert told == {
        "currency": "USD",
        "original_cents": 1_000,
        "device_id": "d1",
        "attributes": '{"colour":"red"}',
        "country": None,
    }


def test_without_rates_the_first_batchs_currency_is_the_home_currency_for_good(bank):
    for batch, home, other in (("b1", "GBP", "EUR"), ("b2", "EUR", "GBP")):
        rows = [f"{batch}-{n},2018-04-02T10:{n}:00Z,c1,m1,1,{home},," for n in range(10, 30)]
        pay(bank, batch, *rows[:-1], rows[-1].replace(home, other))
        bank.to_bronze(batch)
        if batch == "b1":
            bank.to_silver(batch)
    assert bank.json("quality/terms/current.json") == {
        "money": {"home": "GBP", "rates": []},
        "no_cards": [],
        "coarse_times": False,
    }
    assert bank.reasons() == {"b1-29": ["unknown_currency"]}


def test_a_declared_home_currency_is_that_of_the_first_batch_too(bank):
    (bank.root / "raw").mkdir()
    (bank.root / "raw" / "columns.yaml").write_text("exchange_rates: {home: EUR}")
    pay(bank, "b1", *(f"t{n},2018-04-02T10:{n}:00Z,c1,m1,1,{'USD' if n < 11 else 'EUR'},," for n in range(10, 30)))
    bank.take_in("b1")

    assert bank.json("quality/exchange_rates/published.json") == {"home": "EUR", "rates": []}
    assert bank.reasons() == {"t10": ["unknown_currency"]}


def test_rates_that_name_no_home_currency_are_refused_and_stop_no_payments(bank):
    bank.put("exchange_rates", "b1", "rates.csv", "currency,day,rate\nUSD,2018-04-01,0.8\n")
    pay(bank, "b1", *(f"t{n},2018-04-02T10:{n}:00Z,c1,m1,1,EUR,," for n in range(10, 30)))
    bank.take_in("b1")

    assert len(bank.rows(SILVER["transactions"])) == 20
    refused = bank.json("quality/bronze_to_silver/b1.json")["exchange_rates"]["refused"]
    assert refused.startswith("exchange_rates: expected rows of one currency with rate 1")


def test_the_same_payment_again_is_a_repetition_whatever_the_rates_say_by_then(bank):
    bank.put("exchange_rates", "b1", "rates.csv", RATES)
    row = "t1,2018-04-05T09:00:00Z,c1,m1,10,USD,,"
    pay(bank, "b1", row)
    bank.take_in("b1")
    bank.put("exchange_rates", "b2", "rates.csv", "currency,day,rate\nUSD,2018-04-03,2\n")
    pay(bank, "b2", row, "t2,2018-04-05T09:00:00Z,c1,m1,10,USD,,")
    bank.take_in("b2")

    assert bank.reasons() == {"t1": ["already_ingested"]}
    assert [row["amount_cents"] for row in bank.rows(SILVER["transactions"])] == [815, 815], "published after that day"


def test_both_engines_convert_alike(spark):
    draw = random.Random(3)
    days = [f"2018-04-{n:02d}" for n in range(1, 29)]
    told = [(c, draw.choice(days), draw.randrange(1, 3 * UNIT)) for c in ("USD", "JPY") for _ in range(9)]
    rates = Rates("EUR").published(told, "2018-04-20").published([("USD", "2018-04-21", 7)], "2018-04-22")
    paid = [
        (
            f"t{n}",
            f"{draw.choice(days)} 09:00:00",
            draw.randrange(10**12),
            draw.choice(["USD", "jpy", "EUR", None, "XAU"]),
        )
        for n in range(600)
    ]
    paid += [(f"h{n}", "2018-04-28 09:00:00", n, "USD") for n in range(100)]
    rows = spark.createDataFrame(paid, "transaction_id string, event_time string, amount_cents bigint, currency string")
    rows = rows.withColumn("event_time", rows.event_time.cast("timestamp"))

    found = {row.transaction_id: row.amount_cents for row in in_home_currency(rows, rates).collect()}
    for identifier, moment, cents, currency in paid:
        try:
            wanted = rates.home_cents(cents, currency.upper() if currency else None, instant(moment))
        except UnknownCurrency as unknown:
            wanted = None if "no rate" in str(unknown) else found[identifier]  # the business rule refuses large ones
        assert found[identifier] == wanted, (identifier, moment, cents, currency)
