"""One customer: sums, payments with decisions and reports, loans."""

from __future__ import annotations

import streamlit as st

from console import source
from console.cells import NOTHING, money, number, share
from console.decisions import VERDICTS
from tools.athena import LAST_FIRST, text

ROWS = 200
SAID = {"1": "fraud", "0": "honest", "": NOTHING}


@source.tells_what_failed
def show() -> None:
    st.title("One customer")
    wanted = st.text_input("Customer", st.query_params.get("customer", ""), placeholder="customer_id").strip()
    if not wanted:
        st.info("Type the identifier of a customer. The page of a decision names it.")
        return
    found = source.ask("analytics", f"SELECT * FROM customer_risk WHERE customer_id = {text(wanted)}")
    if not found:
        st.warning("The lake knows no such customer. Payments of today are in it after the night that takes them in.")
        return
    st.query_params["customer"] = wanted
    sums(found[0])
    payments(wanted)
    loans(wanted)


def sums(row: dict[str, str]) -> None:
    cells = st.columns(4)
    cells[0].metric("Payments", row["payments"] or "0")
    cells[1].metric("Confirmed frauds", row["frauds"] or "0")
    cells[2].metric("Reviewed, blocked", f"{row['reviewed'] or 0}, {row['blocked'] or 0}")
    cells[3].metric("Highest score", share(number(row["highest_fraud_score"])))


def payments(customer: str) -> None:
    st.subheader("Payments")
    rows = source.ask(
        "silver",
        f"""
        WITH {VERDICTS}, decided AS (
          SELECT transaction_id, action, fraud_score,
            row_number() OVER (PARTITION BY transaction_id ORDER BY {LAST_FIRST}) AS turn
          FROM {source.zone("decisions")}.decisions WHERE customer_id = {text(customer)}
        )
        SELECT t.event_time, t.transaction_id, t.merchant_id, t.amount_cents, t.device_id, t.country, d.action,
          d.fraud_score, v.is_fraud, v.reported_at
        FROM transactions t
        LEFT JOIN decided d ON d.transaction_id = t.transaction_id AND d.turn = 1
        LEFT JOIN verdicts v ON v.transaction_id = t.transaction_id
        WHERE t.customer_id = {text(customer)}
        ORDER BY t.event_time DESC, t.transaction_id LIMIT {ROWS}
        """,
    )
    if not rows:
        st.markdown("None in the lake.")
        return
    st.caption(f"The newest first, at most {ROWS}. Without a decision: history that came in files.")
    st.dataframe(
        [
            {
                "happened": r["event_time"],
                "payment": r["transaction_id"],
                "amount": money(r["amount_cents"]),
                "merchant": r["merchant_id"],
                "device": r["device_id"],
                "country": r["country"],
                "decision": r["action"] or NOTHING,
                "score": number(r["fraud_score"]),
                "latest report": SAID[r["is_fraud"]],
                "reported": r["reported_at"],
            }
            for r in rows
        ],
        hide_index=True,
        alt="Payments of the customer",
    )


def loans(customer: str) -> None:
    st.subheader("Loans")
    rows = source.ask(
        "silver",
        f"""
        WITH ended AS (
          SELECT loan_id, max_by(defaulted, observed_at) AS defaulted FROM loan_outcomes GROUP BY loan_id
        )
        SELECT a.applied_at, a.loan_id, a.amount_cents, a.term_months, p.default_prob, e.defaulted
        FROM loan_applications a
        LEFT JOIN {source.zone("predictions")}.predictions p ON p.loan_id = a.loan_id
        LEFT JOIN ended e ON e.loan_id = a.loan_id
        WHERE a.customer_id = {text(customer)} ORDER BY a.applied_at DESC LIMIT {ROWS}
        """,
    )
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
