"""One loan application, two ways to its cells: the lake's row of it and the loans' door give the same bits."""

from __future__ import annotations

import pytest
from pandas import isna
from pyspark.sql import functions as F

from features.application import Application
from features.credit import PAYMENT_BEHAVIOUR, behaviour
from features.declaration import DAY
from features.encoding import Column
from features.moments import met_by_a_door
from features.state import State
from features.vector import CUSTOMER_LAYOUT, cells_of
from glue.transforms.events import payments
from glue.transforms.vectors import loan_features
from tests.parity.events import Log, event_log
from tests.spark.rows import silver_loans, silver_transactions
from training.credit_set import applications

NAMES = ("amount", *PAYMENT_BEHAVIOUR.columns)


@pytest.mark.parametrize("later", [0, DAY // 3])
def test_the_lake_and_the_loans_door_give_an_application_the_same_cells(spark, later):
    log = event_log(11, 900, customers=5, late=0.0)
    paid = payments(silver_transactions(spark, log.payments, log.further)).withColumn("wanted", F.lit(True))
    asked = [(loan, who, at + later, cents) for loan, who, at, cents in log.loans]
    rows = applications(loan_features(silver_loans(spark, asked), paid).toPandas()).set_index("identifier")

    differing = []
    for loan, who, at, cents in asked:
        values, unknown = behaviour(record(log, who, at), at)
        fields = {"customer_id": who, "loan_id": loan, "amount": f"{cents / 100:.2f}", "term_months": None}
        said = Application.parse(fields, at).cells(values)
        assert unknown == ()
        for name in NAMES:
            cell = rows.loc[loan, name]
            lake = Column(name).written(None if isna(cell) else cell)
            if lake != (door := Column(name).written(said[name])):
                differing.append((loan, name, lake, door))
    assert not differing, f"{len(differing)} cells differ, the first: {differing[:5]}"
    assert len({tuple(rows.loc[loan, list(PAYMENT_BEHAVIOUR.columns)]) for loan, *_ in asked}) > 10


def record(log: Log, who: str, at: int) -> State:
    """The customer's record as it was before `at`."""
    state = State(CUSTOMER_LAYOUT)
    for identifier, customer, merchant, when, cents in log.payments:
        if customer == who and when < at:
            counted = met_by_a_door(when, None, state.clock)
            state.pay(counted, cents, merchant, identifier, cells_of(when, log.further[identifier]))
    return State.load(state.dump(), CUSTOMER_LAYOUT)
