"""What `columns.yaml` in RAW says holds for every batch, is kept for training, and stops what it is wrong about."""

from __future__ import annotations

import pytest

from glue.raw import ContractBroken
from glue.tables import BRONZE
from tests.spark.bank import payment

LOANS = "loan_id,customer_id,applied_at\nl1,c1,2018-04-09\n"
CARD_LIKE = "4111111111111111"


def declare(bank, text: str) -> None:
    (bank.root / "raw").mkdir(exist_ok=True)
    (bank.root / "raw" / "columns.yaml").write_text(text)


def test_a_day_is_read_as_declared_and_what_looks_like_cards_and_is_none_goes_on(bank):
    declare(
        bank,
        "transactions:\n  columns:\n    event_time: {format: dmy}\n    order: {card_numbers: orders of 16 digits}\n"
        "    customer_id: {card_numbers: old account numbers}\n",
    )
    header = "transaction_id,event_time,customer_id,merchant_id,amount,order,note\n"
    rows = [
        f"t1,03/04/2018 9:30,{CARD_LIKE},m1,1,{CARD_LIKE},",
        f"t2,03/04/2018 9:31,c1,m1,1,,{CARD_LIKE}",
        f"t3,03/04/2018 9:32,{CARD_LIKE},m1,soon,{CARD_LIKE},",
    ]
    bank.put("transactions", "b1", "day.csv", header + "\n".join(rows) + "\n")
    bank.to_bronze("b1")

    assert [(row["transaction_id"], str(row["event_time"])[:16]) for row in bank.rows(BRONZE["transactions"])] == [
        ("t1", "2018-04-03 09:30")
    ]
    assert bank.reasons() == {"t2": ["pan_like_note"], "t3": ["unreadable_amount"]}
    aside = {row["transaction_id"]: row for row in bank.quarantined("transactions")}
    assert aside["t3"]["customer_id"] == CARD_LIKE
    assert CARD_LIKE not in str(aside["t2"])
    assert bank.json("quality/declared/columns.json")["transactions"]["columns"]["event_time"] == {"format": "dmy"}
    bank.put("transactions", "b2", "day.csv", header + rows[0] + "\n")
    bank.take_in("b2")
    assert bank.json("quality/terms/current.json")["no_cards"] == ["customer_id", "order"], "for the doors"


def test_without_a_declaration_training_finds_an_empty_one(bank):
    bank.pay("b1", payment(1))
    bank.to_bronze("b1")

    assert bank.json("quality/declared/columns.json") == {}


def test_a_wrong_declaration_of_loans_stops_loans_alone(bank):
    declare(bank, "loan_applications: {columns: {amount: {format: dmy}}}")
    bank.pay("b1", payment(1))
    bank.put("loan_applications", "b1", "loans.csv", LOANS)
    bank.to_bronze("b1")

    report = bank.json("quality/raw_to_bronze/b1.json")
    assert "columns.yaml, loan_applications, amount, format: expected plain" in report["loan_applications"]["refused"]
    assert report["transactions"]["written"] == 1


def test_a_declaration_that_is_no_yaml_stops_the_batch_before_anything_is_read(bank):
    declare(bank, "transactions: [")
    bank.pay("b1", payment(1))

    with pytest.raises(ContractBroken, match=r"nothing can be taken in: .*columns\.yaml: expected YAML; .* in line 1"):
        bank.to_bronze("b1")
    assert not bank.files("bronze/")
