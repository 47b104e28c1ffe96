"""One entity's bad file or failed gate stops that entity alone, and is told."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from features.contract import CONTRACTS
from glue.jobs import bronze_to_silver, silver_to_gold
from glue.quality import GateFailed
from glue.raw import ContractBroken
from glue.tables import GOLD, SILVER
from tests.spark.bank import payment

PAID = [payment(n) for n in range(12)]
LOANS = "loan_id,customer_id,applied_at"
FIVE = [f"l{n},c1,2018-04-09" for n in range(5)]
BROKEN = "loan_id,customer_id\nl1,c1\n"


def lend(bank, batch: str, *rows: str) -> None:
    bank.put("loan_applications", batch, "loans.csv", "\n".join((LOANS, *rows)) + "\n")


def alarms(bank) -> dict[str, float]:
    """The gate's points since the last look, by entity; all together under no name."""
    found = {entity: value for name, entity, value in bank.cloudwatch.points if name == "GateFailed"}
    bank.cloudwatch.points.clear()
    return found


def test_a_lenders_broken_file_stops_loans_alone_and_raises_the_alarm(bank, capsys):
    bank.pay("b1", *PAID)
    bank.put("loan_applications", "b1", "loans.csv", BROKEN)
    bank.take_in("b1")
    told = alarms(bank)
    bank.to_gold("b1")

    assert len(bank.rows(GOLD["transaction_features"])) == len(PAID)
    assert not any(bank.files(f"{zone}/loan_applications/") for zone in ("bronze", "silver"))
    assert told == {"transactions": 0.0, "loan_applications": 1.0, "": 1.0}
    for job in ("raw_to_bronze", "bronze_to_silver"):
        report = bank.json(f"quality/{job}/b1.json")
        assert "loans.csv" in report["loan_applications"]["refused"]
        assert "applied_at" in report["loan_applications"]["refused"]
        assert (report["transactions"]["written"], "refused" in report["transactions"]) == (len(PAID), False)
    assert "loan_applications: batch b1 is refused: " in capsys.readouterr().out


def test_what_a_lender_decided_and_saw_comes_to_the_lake_and_a_broken_file_of_it_stops_itself_alone(bank):
    lend(bank, "b1", *FIVE)
    bank.put("loan_decisions", "b1", "d.csv", "loan_id,decision,decided_at,price\nl1,Approved,2018-04-09,9.5\n")
    bank.put("loan_performance", "b1", "p.csv", "loan_id,days_past_due\nl1,30\n")
    bank.take_in("b1")

    assert alarms(bank) == {"loan_applications": 0.0, "loan_decisions": 0.0, "loan_performance": 1.0, "": 1.0}
    assert "observed_at" in bank.json("quality/bronze_to_silver/b1.json")["loan_performance"]["refused"]
    (decided,) = bank.rows(SILVER["loan_decisions"])
    assert (decided["decision"], dict(decided["attributes"])) == ("Approved", {"price": "9.5"})

    bank.put("loan_performance", "b1", "p.csv", "loan_id,observed_at,days_past_due\nl1,2018-04-30,30\n")
    bank.take_in("b1")
    (seen,) = bank.rows(SILVER["loan_performance"])
    assert (seen["loan_id"], seen["days_past_due"], seen["charged_off_cents"]) == ("l1", 30, None)


def test_loans_beyond_their_failure_budget_stop_no_payments(bank, capsys):
    bank.pay("b1", *PAID)
    lend(bank, "b1", *FIVE, "l9,c1,soon")
    bank.take_in("b1")
    told = alarms(bank)
    bank.to_gold("b1")

    why = "16.7% of the rows went to quarantine, the budget is 10%"
    assert len(bank.rows(GOLD["transaction_features"])) == len(PAID)
    assert bank.rows(SILVER["loan_applications"]) == bank.rows(GOLD["loan_features"]) == []
    assert told == {"transactions": 0.0, "loan_applications": 1.0, "": 1.0}
    assert bank.json("quality/bronze_to_silver/b1.json")["loan_applications"]["refused"] == why
    assert f"loan_applications of b1 does not pass the quality gate: {why}" in capsys.readouterr().out


def test_the_report_says_which_labels_were_told_again_and_which_revised(bank):
    """t1 is told three times by two channels, t2 is cleared later, t3 is told twice within one batch."""
    header = "transaction_id,reported_at,is_fraud\n"
    bank.put("fraud_labels", "b1", "app.csv", f"{header}t1,2018-04-03,1\nt2,2018-04-03,1\n")
    bank.take_in("b1")
    scheme = "t1,2018-04-05,1\nt1,2018-04-09,1\nt2,2018-04-05,0\nt3,2018-04-05,1\nt3,2018-04-06,1\n"
    bank.put("fraud_labels", "b2", "scheme.csv", header + scheme)
    bank.take_in("b2")

    told = [bank.json(f"quality/bronze_to_silver/{batch}.json")["fraud_labels"] for batch in ("b1", "b2")]
    assert [(each["told_again"], each["revised"]) for each in told] == [(0, 0), (3, 1)]


def test_a_batch_revises_the_payments_whose_last_judgement_is_another_by_it(spark):
    """Of the others' labels: t1 was revised by themselves, t2 is by the batch, t3 is by nobody, since the batch tells
    what is older. Nobody has known another verdict of t4, which the batch judges twice, and of t5 it tells the same."""
    shape = "transaction_id string, reported_at string, is_fraud int"
    others = [("t1", "03", 1), ("t1", "05", 0), ("t2", "03", 1), ("t3", "07", 0), ("t5", "03", 1)]
    labels = [("t1", "09", 0), ("t2", "09", 0), ("t3", "01", 1), ("t4", "08", 1), ("t4", "09", 0), ("t5", "09", 1)]

    told = bronze_to_silver.judgements(spark.createDataFrame(labels, shape), spark.createDataFrame(others, shape))

    assert told == {"told_again": 2, "revised": 1}


def test_refused_labels_stop_no_payments(bank):
    bank.pay("b1", *PAID)
    bank.put("fraud_labels", "b1", "labels.csv", "transaction_id,is_fraud\nt1,1\n")
    bank.take_in("b1")
    told = alarms(bank)
    bank.to_gold("b1")

    assert len(bank.rows(GOLD["transaction_features"])) == len(PAID)
    assert told == {"transactions": 0.0, "fraud_labels": 1.0, "": 1.0}


@pytest.mark.parametrize("refused_by", ["the reader", "the gate"])
def test_refused_payments_stop_no_loans_and_end_the_night_before_records_are_published(bank, refused_by):
    if refused_by == "the reader":
        bank.put("transactions", "b1", "payments.csv", "transaction_id\nt1\n")
    else:
        bank.pay("b1", *PAID[:5], payment(20, amount="many"))
    lend(bank, "b1", *FIVE)
    bank.take_in("b1")

    why = r"payments\.csv" if refused_by == "the reader" else "16.7% of the rows went to quarantine"
    with pytest.raises(silver_to_gold.PaymentsRefused, match=f"payments of batch b1 are not in the lake.*{why}"):
        bank.to_gold("b1")
    assert len(bank.rows(GOLD["loan_features"])) == len(FIVE)
    assert bank.rows(SILVER["transactions"]) == []


def test_vectors_of_loans_that_do_not_pass_stop_no_payments(bank, monkeypatch):
    """As if nobody knew which features they are."""
    vectors, unknown = silver_to_gold.loan_features, F.lit(None).cast("string")
    monkeypatch.setattr(
        silver_to_gold, "loan_features", lambda *of: vectors(*of).withColumn("feature_version", unknown)
    )
    bank.pay("b1", *PAID)
    lend(bank, "b1", *FIVE)
    bank.take_in("b1")
    alarms(bank)
    bank.to_gold("b1")

    assert len(bank.rows(GOLD["transaction_features"])) == len(PAID)
    assert bank.rows(GOLD["loan_features"]) == []
    assert alarms(bank) == {"transaction_features": 0.0, "loan_features": 1.0, "": 1.0}
    report = bank.json("quality/silver_to_gold/b1.json")
    assert report["refused"] == {"loan_features": "`feature_version` is not null: 5 of 5 rows do not"}
    assert (report["transaction_features"], "loan_features" in report) == (len(PAID), False)

    asked = {"transaction_features": ["2018-04-02"], "loan_features": ["2018-04-01"]}
    with pytest.raises(GateFailed, match="loan_features: `feature_version` is not null"):
        silver_to_gold.run(bank.spark, bank.lake, "range", asked, bank.metrics)


def test_a_batch_of_which_nothing_can_be_taken_in_ends_the_job_and_the_report_says_why(bank):
    bank.put("transactions", "b1", "payments.csv", "transaction_id\nt1\n")
    bank.put("loan_applications", "b1", "loans.csv", BROKEN)

    with pytest.raises(
        ContractBroken, match=r"nothing of batch b1 can be taken in\. .*payments\.csv.* \| .*loans\.csv"
    ):
        bank.to_bronze("b1")
    assert set(bank.json("quality/raw_to_bronze/b1.json")) == {"transactions", "loan_applications"}


def test_what_an_earlier_run_brought_stays_when_a_file_is_refused_and_is_replaced_when_it_is_mended(bank):
    bank.pay("b1", *PAID)
    lend(bank, "b1", *FIVE, "k1,c1,2018-05-09")
    bank.take_in("b1")
    before = {zone: bank.contents(f"{zone}/loan_applications") for zone in ("bronze", "silver")}

    bank.put("loan_applications", "b1", "loans.csv", BROKEN)
    bank.take_in("b1")
    assert {zone: bank.contents(f"{zone}/loan_applications") for zone in ("bronze", "silver")} == before
    told = bank.json("quality/bronze_to_silver/b1.json")["loan_applications"]
    assert (told["written"], told["divisions"]) == (6, ["2018-04", "2018-05"])

    lend(bank, "b1", *FIVE)
    bank.take_in("b1")
    told = bank.json("quality/bronze_to_silver/b1.json")["loan_applications"]
    assert "refused" not in told
    assert (told["written"], told["divisions"], told["emptied"]) == (5, ["2018-04"], ["2018-05"])
    assert len(bank.rows(SILVER["loan_applications"])) == 5
    assert set(bank.json("quality/raw_to_bronze/b1.json")) <= CONTRACTS.keys()
