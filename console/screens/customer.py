"""One customer: sums, payments with decisions and reports, loans."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from console import source
from console.cells import NOTHING, money, number, share
from console.decisions import VERDICTS
from tools.athena import LAST_FIRST, QueryFailed, text

ROWS = 200
DAYS = 31  # of the decision log: what it costs to ask does not grow with the log
SAID = {"1": "fraud", "0": "honest", "": NOTHING}


@source.tells_what_failed
def show() -> None:
    st.title("One customer")
    wanted = st.text_input("Customer", st.query_params.get("customer", ""), placeholder="customer_id").strip()
    if not wanted:
        st.info("Type the identifier of a customer. The page of a decision names it.")
        return
    asked = [("silver", paid(wanted)), ("decisions", decided(wanted, source.days()[:DAYS])), ("silver", lent(wanted))]
    answers = source.ask_together(tuple(asked))
    for answer in answers:
        if isinstance(answer, str):
            raise QueryFailed(answer)
    payments_, decisions_, loans_ = (answer for answer in answers if not isinstance(answer, str))
    if not payments_ and not decisions_ and not loans_:
        st.warning("The lake knows no such customer. Payments of today are in it after the night that takes them in.")
        return
    st.query_params["customer"] = wanted
    sums(payments_, decisions_)
    payments(payments_, {row["transaction_id"]: row for row in decisions_})
    loans(loans_)


def paid(customer: str) -> str:
    """The newest payments with their latest reports, and how many of either there are in all."""
    return f"""
        WITH {VERDICTS}
        SELECT t.event_time, t.transaction_id, t.merchant_id, t.amount_cents, t.device_id, t.country, v.is_fraud,
          v.reported_at, count(*) OVER () AS payments, sum(CASE WHEN v.is_fraud = 1 THEN 1 ELSE 0 END) OVER () AS frauds
        FROM transactions t LEFT JOIN verdicts v ON v.transaction_id = t.transaction_id
        WHERE t.customer_id = {text(customer)}
        ORDER BY t.event_time DESC, t.transaction_id LIMIT {ROWS}
    """


def decided(customer: str, days: list[str]) -> str:
    """The decisions that were applied on these days, the newest first."""
    since = f" AND decision_date >= {text(days[-1])}" if days else ""
    return f"""
        SELECT transaction_id, action, fraud_score FROM (
          SELECT transaction_id, action, fraud_score,
            row_number() OVER (PARTITION BY transaction_id ORDER BY {LAST_FIRST}) AS turn
          FROM decisions WHERE customer_id = {text(customer)}{since}
        ) WHERE turn = 1
    """


def lent(customer: str) -> str:
    return f"""
        WITH ended AS (
          SELECT loan_id, max_by(defaulted, observed_at) AS defaulted FROM loan_outcomes GROUP BY loan_id
        )
        SELECT a.applied_at, a.loan_id, a.amount_cents, a.term_months, p.default_prob, e.defaulted
        FROM loan_applications a
        LEFT JOIN {source.zone("predictions")}.predictions p ON p.loan_id = a.loan_id
        LEFT JOIN ended e ON e.loan_id = a.loan_id
        WHERE a.customer_id = {text(customer)} ORDER BY a.applied_at DESC LIMIT {ROWS}
    """


def sums(payments: source.Rows, decisions: source.Rows) -> None:
    cells = st.columns(4)
    cells[0].metric("Payments", payments[0]["payments"] if payments else "0")
    cells[1].metric("Confirmed frauds", payments[0]["frauds"] if payments else "0")
    stopped = Counter(row["action"] for row in decisions)
    cells[2].metric("Reviewed, blocked", f"{stopped['REVIEW']}, {stopped['BLOCK']}")
    scores = [score for row in decisions if (score := number(row["fraud_score"])) is not None]
    cells[3].metric("Highest score", share(max(scores, default=None)))
    st.caption(f"Decisions are those of the newest {DAYS} days of the log.")


def payments(rows: source.Rows, decisions: dict[str, dict[str, str]]) -> None:
    st.subheader("Payments")
    if not rows:
        st.markdown("None in the lake.")
        return
    st.caption(f"The newest first, at most {ROWS}. Without a decision: history that came in files, or older days.")
    nothing = {"action": "", "fraud_score": ""}
    st.dataframe(
        [
            {
                "happened": r["event_time"],
                "payment": r["transaction_id"],
                "amount": money(r["amount_cents"]),
                "merchant": r["merchant_id"],
                "device": r["device_id"],
                "country": r["country"],
                "decision": (d := decisions.get(r["transaction_id"], nothing))["action"] or NOTHING,
                "score": number(d["fraud_score"]),
                "latest report": SAID[r["is_fraud"]],
                "reported": r["reported_at"],
            }
            for r in rows
        ],
        hide_index=True,
        alt="Payments of the customer",
    )


def loans(rows: source.Rows) -> None:
    st.subheader("Loans")
    if not rows:
        st.markdown("None.")
        return
    st.dataframe(
        [
            {
                "applied": r["applied_at"],
                "loan": r["loan_id"],
                "amount": money(r["amount_cents"]),
                "months": r["term_months"],
                "probability of default": share(number(r["default_prob"])),
                "ended": {"1": "defaulted", "0": "paid back", "": NOTHING}[r["defaulted"]],
            }
            for r in rows
        ],
        hide_index=True,
        alt="Loans of the customer",
    )
