"""The script that Streamlit runs for each browser: which pages there are."""

from __future__ import annotations

import streamlit as st

from console import own
from console.screens import cases, credit, customer, decision, lists, models, network, policy, standing

st.set_page_config(layout="wide")  # a tab bears its page's title
own.look_who_reads()
st.navigation(
    {
        "Fraud": [
            st.Page(cases.show, title="Review cases", url_path="cases"),
            st.Page(decision.show, title="One decision", url_path="decision", default=True),
            st.Page(customer.show, title="One customer", url_path="customer"),
            st.Page(network.show, title="Shared devices", url_path="network"),
            st.Page(lists.show, title="Lists", url_path="lists"),
            st.Page(policy.show, title="Policy", url_path="policy"),
        ],
        "Credit": [st.Page(credit.show, title="Portfolio", url_path="credit")],
        "Platform": [
            st.Page(models.show, title="Models", url_path="models"),
            st.Page(standing.show, title="How it stands", url_path="standing"),
        ],
    }
).run()
