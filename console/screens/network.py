"""Who shares a device with one customer, and with those: rings show as clusters."""

from __future__ import annotations

import streamlit as st
from st_link_analysis import EdgeStyle, NodeStyle, st_link_analysis

from console import source
from console.decisions import VERDICTS
from console.sharing import PICTURED, Shared, around
from tools.athena import text

MOST = 150  # customers that a picture shows


@source.tells_what_failed
def show() -> None:
    st.title("Shared devices")
    wanted = st.text_input("Customer", st.query_params.get("customer", ""), placeholder="customer_id").strip()
    if not wanted:
        st.info("Type the identifier of a customer: everybody who paid with the same devices is shown around it.")
        return
    rows = source.ask("silver", query(wanted))
    if not rows:
        st.warning("None of this customer's payments names a device, or the lake does not know the customer.")
        return
    st.query_params["customer"] = wanted
    shared = around(wanted, rows)
    st.markdown(shared.said)
    if shared.people >= MOST:
        st.warning(f"There are more: {MOST} customers are shown, in the order of their names.")
    if len(shared.links) > PICTURED:
        st.warning(f"The picture shows {PICTURED} of {len(shared.links)} links, the table all of them.")
    st_link_analysis(
        shared.elements,
        node_styles=[
            NodeStyle("CUSTOMER", "#1f6fb4", "name", "person"),
            NodeStyle("ASKED", "#7a3fa0", "name", "person"),
            NodeStyle("FRAUD", "#c0392b", "name", "person"),
            NodeStyle("DEVICE", "#6b6b6b", "name", "devices"),
        ],
        edge_styles=[EdgeStyle("PAID_WITH", caption="payments", directed=False)],
        height=520,
        key=f"network {wanted}",
    )
    table(shared)


def table(shared: Shared) -> None:
    st.subheader("The same as a table")
    st.dataframe(
        [
            {"customer": k.customer, "device": k.device, "payments": k.payments, "confirmed frauds": k.frauds}
            for k in shared.links
        ],
        hide_index=True,
        alt="Customers, their devices and payments",
    )


def query(customer: str) -> str:
    """Customer, device, payments and confirmed frauds of everybody on the devices of one customer, two links away."""
    return f"""
        WITH {VERDICTS}, mine AS (
          SELECT DISTINCT device_id FROM transactions WHERE customer_id = {text(customer)} AND device_id <> ''
        ), met AS (
          SELECT customer_id FROM transactions WHERE device_id IN (SELECT device_id FROM mine)
          GROUP BY customer_id ORDER BY customer_id <> {text(customer)}, customer_id LIMIT {MOST}
        )
        SELECT t.customer_id, t.device_id, count(*) AS payments, count_if(v.is_fraud = 1) AS frauds
        FROM transactions t LEFT JOIN verdicts v ON v.transaction_id = t.transaction_id
        WHERE t.customer_id IN (SELECT customer_id FROM met) AND t.device_id <> ''
        GROUP BY t.customer_id, t.device_id ORDER BY t.customer_id, t.device_id
    """
