"""What each column of a model did to one score, as a picture and in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import streamlit as st

SHOWN = 12  # features of an explanation: what comes after them says little


def show(found: Sequence[tuple[str, float]]) -> None:
    """Names and log-odds, the most telling first."""
    data = [{"feature": name, "log-odds": added} for name, added in found[:SHOWN] if added]
    if not data:
        st.markdown("The model gives everybody the same score.")
        return
    words = ", ".join(f"{one['feature']} {one['log-odds']:+.2f}" for one in data[:3])
    chart = (
        alt.Chart(alt.Data(values=data), title="What each feature did to this score", description=words)
        .mark_bar()
        .encode(
            x=alt.X("log-odds:Q", title="log-odds added (right: riskier)"),
            y=alt.Y("feature:N", sort=None, title=None),
            color=alt.condition("datum['log-odds'] > 0", alt.value("#c0392b"), alt.value("#2471a3")),
            tooltip=["feature:N", alt.Tooltip("log-odds:Q", format="+.3f")],
        )
    )
    st.altair_chart(chart)
    st.caption(f"Most of all: {words}.")
