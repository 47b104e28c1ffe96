"""How the platform stands: alarms, runs, freshness, decisions by day, parity, latency, quarantine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import altair as alt
import streamlit as st

from console import source
from console.cells import number
from console.remembered import FRESH_SECONDS, remembered
from tools.athena import text
from tools.operate import status

DAYS = 7  # that the page shows: what it costs to ask does not grow with the log
SHOWN = ("runs", "models", "endpoint", "waiting", "freshness")  # of `make status`, beside the alarms
BY_DAY = {
    "Decisions": ("decisions_by_action", "action"),
    "Served vectors beside the lake's": ("feature_parity_by_day", "decision_date"),
    "Milliseconds to a decision": ("decision_latency", "door"),
}


@source.tells_what_failed
def show() -> None:
    st.title("How it stands")
    ringing(alarms())
    runs(rows(SHOWN))
    asked = questions(source.days()[:DAYS])
    answers = source.ask_together(tuple(("analytics", sql) for sql in asked.values()))
    shown = (decided, parity, latency, quarantine)
    for heading, show_rows, answer in zip(asked, shown, answers, strict=True):
        st.subheader(heading)
        if isinstance(answer, str):
            st.error(answer)  # the others are there
        else:
            show_rows(answer)


def questions(days: list[str]) -> dict[str, str]:
    """SQL by heading, about the days, the newest first."""
    since = f"WHERE decision_date >= {text(days[-1])} " if days else ""
    asked = {
        heading: f"SELECT * FROM {view} {since}ORDER BY decision_date DESC, {then}"
        for heading, (view, then) in BY_DAY.items()
    }
    return {**asked, "Rows set aside": "SELECT * FROM quarantine_by_reason ORDER BY quarantined DESC LIMIT 50"}


@remembered("CloudWatch is asked", most=1, held=FRESH_SECONDS)
def alarms() -> list[tuple]:
    """Never older than a minute: whoever is called at night looks here first."""
    return list(status.alarms(source.platform()))


@remembered("AWS is asked", most=5)
def rows(of: tuple[str, ...]) -> list[tuple]:
    """Rows of `make status`, by the names of what makes them."""
    here = source.platform()
    with ThreadPoolExecutor(len(of)) as pool:
        return [row for found in pool.map(lambda name: list(getattr(status, name)(here)), of) for row in found]


def ringing(found: list[tuple]) -> None:
    st.subheader("Alarms")
    ring = [row for row in found if row[0] == "alarm"]
    if not ring:
        st.success(f"None of {found[0][1]} alarms rings.")
        return
    st.error(f"{len(ring)} alarms ring. Each has a runbook in docs/runbooks.")
    st.dataframe(
        [{"alarm": r[1], "says": r[2], "since (UTC)": r[3]} for r in ring], hide_index=True, alt="Alarms that ring"
    )


def runs(found: list[tuple]) -> None:
    st.subheader("Runs, models, freshness")
    st.dataframe(
        [dict(zip(status.HEADER, row, strict=True)) for row in found], hide_index=True, alt="Runs, models and freshness"
    )


def decided(found: source.Rows) -> None:
    if not found:
        st.info("No day of decisions has been crawled yet: the night does that.")
        return
    data = [
        {
            "day": r["decision_date"],
            "decision": r["action"],
            "payments": int(r["decisions"]),
            "share": number(r["share"]),
        }
        for r in found
    ]
    chart = (
        alt.Chart(alt.Data(values=data), title="Decisions by day", description=in_words(data))
        .mark_bar()
        .encode(
            x=alt.X("day:O", title="day of the payment (UTC)"),
            y=alt.Y("payments:Q", title="payments"),
            color=alt.Color(
                "decision:N",
                scale=alt.Scale(domain=["APPROVE", "REVIEW", "BLOCK"], range=["#2e7d32", "#e08e0b", "#c0392b"]),
            ),
            tooltip=["day:O", "decision:N", "payments:Q", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    st.altair_chart(chart)
    st.caption(in_words(data))


def in_words(data: list[dict]) -> str:
    """The newest day of the plot, for who cannot see it."""
    newest = max(row["day"] for row in data)
    parts = [f"{row['decision']} {row['payments']} ({row['share']:.1%})" for row in data if row["day"] == newest]
    return f"{newest}: {', '.join(parts)}."


def parity(found: source.Rows) -> None:
    if not found:
        st.info("Nothing to compare yet: the night after a day of decisions does it.")
        return
    wrong = sum(int(r["mismatches"]) for r in found)
    compared = sum(int(r["compared"]) for r in found)
    if wrong:
        st.error(f"{wrong} of {compared} vectors differ. docs/runbooks says what to do.")
    else:
        st.success(f"{compared} vectors compared bit for bit, none differs.")
    st.dataframe(found, hide_index=True, alt="Served vectors compared by day")


def latency(found: source.Rows) -> None:
    st.dataframe(found, hide_index=True, alt="Latency by day and door")


def quarantine(found: source.Rows) -> None:
    if not found:
        st.success("None.")
        return
    st.dataframe(found, hide_index=True, alt="Rows set aside by reason")
