"""A folder of RAW files becomes what training reads, as `make quality` does it."""

from __future__ import annotations

from features.fraud import FRAUD
from tools.quality.history import History
from tools.telling import Teller

PAYMENTS = """transaction_id,event_time,customer_id,merchant_id,amount
t1,2018-04-02T09:30:00Z,c1,m1,12.50
t2,2018-04-03T09:30:00Z,c1,m1,2.50
t2,2018-04-03T09:30:00Z,c1,m1,2.50
t3,soon,c1,m1,2.50
"""
LABELS = """transaction_id,is_fraud,reported_at
t1,1,2018-04-04T00:00:00Z
t2,0,2018-04-09T00:00:00Z
"""
LOANS = """loan_id,customer_id,applied_at,amount
l1,c1,2018-04-04T10:00:00Z,500
"""
OUTCOMES = """loan_id,defaulted,observed_at
l1,1,2018-10-04T10:00:00Z
"""
PERFORMANCE = """loan_id,observed_at,days_past_due,charged_off
l1,2018-09-30,60,
l1,2018-10-31,90,12.50
"""


def test_every_readable_row_of_a_folder_is_measured_once(spark, tmp_path):
    for entity, text in {
        "transactions": PAYMENTS,
        "fraud_labels": LABELS,
        "loan_applications": LOANS,
        "loan_outcomes": OUTCOMES,
        "loan_performance": PERFORMANCE,
        "loan_decisions": "loan_id,decision,decided_at\nl1,approved,2018-04-05\n",
    }.items():
        (tmp_path / f"{entity}.csv").write_text(text)
    history = History(spark, tmp_path, tmp_path / "silver", Teller())

    vectors, labels = history.payments()
    loans, told = history.loans()

    assert sorted(vectors["transaction_id"]) == ["t1", "t2"]
    assert set(FRAUD.columns) <= set(vectors.columns)
    assert vectors.set_index("transaction_id")["customer_payment_count_7d"].to_dict() == {"t1": 0, "t2": 1}
    assert len(labels) == 2
    assert loans["loan_id"].tolist() == ["l1"]
    assert told.outcomes["loan_id"].tolist() == ["l1"]
    assert sorted(told.performance["days_past_due"]) == [60, 90]
    assert told.decisions["decision"].tolist() == ["approved"]
