"""One decision: what was decided and why, the vector in words, what came before, and the same computed again."""

from __future__ import annotations

import contextlib
import io
from datetime import date, timedelta
from threading import Lock

import streamlit as st

from console import contributions, decisions, source, what_if
from console.cells import NOTHING, at, money, number, plain, share, value
from inference.model import OtherFeatures
from tools.why.__main__ import explain
from tools.why.history import NotFound, texts

COLOURS = {"APPROVE": "green", "REVIEW": "orange", "BLOCK": "red"}
DAYS_BEFORE = 31
ONE_AT_A_TIME = Lock()  # what is printed is the process's: another's lines would come in between


@source.tells_what_failed
def show() -> None:
    st.title("One decision")
    days = source.days()
    if not days:
        st.info(
            "No payment has been decided yet. Ask the API door (`make attacks` does), or put payments on the stream."
        )
        return
    asked = st.query_params
    left, right = st.columns([2, 1])
    known = days.index(asked["day"]) if asked.get("day") in days else 0
    day = right.selectbox("Day of the payment (UTC)", days, index=known)
    wanted = left.text_input("Transaction", asked.get("transaction", ""), placeholder="transaction_id").strip()
    if not wanted:
        stopped(day)
        return
    found = source.ask("decisions", decisions.of_payment(wanted, day))
    if not found:
        st.warning(
            f"The log of {day} has no decision on this payment. Choose the day on which it was paid. What the doors "
            "have decided since the last night is here once the crawler has run."
        )
        return
    st.query_params.update({"transaction": wanted, "day": day})
    told(found[0])


def stopped(day: str) -> None:
    st.subheader(f"Stopped on {day}")
    rows = source.ask("decisions", decisions.stopped(day))
    if not rows:
        st.info("Every payment of this day was approved.")
        return
    st.caption(
        f"Reviewed and blocked payments, the highest score first, at most {decisions.PAGE}. Choose one to see it."
    )
    chosen = st.dataframe(
        [
            {
                "payment": row["transaction_id"],
                "decision": row["action"],
                "score": number(row["fraud_score"]),
                "amount": money(row["amount_cents"]),
                "customer": row["customer_id"],
                "reasons": ", ".join(texts(row["reasons"]) or ()),
            }
            for row in rows
        ],
        hide_index=True,
        alt="Stopped payments of the day",
        on_select="rerun",
        selection_mode="single-row",
        key=f"stopped {day}",
    )
    for place in chosen.selection.rows:
        st.query_params.update({"transaction": rows[place]["transaction_id"], "day": day})
        st.rerun()


def told(row: dict[str, str]) -> None:
    action = row["action"]
    st.subheader(f":{COLOURS.get(action, 'gray')}-badge[{action}] {plain(row['transaction_id'])}")
    cells = st.columns(4)
    score = number(row["fraud_score"])
    cells[0].metric("Probability of fraud", share(score) if score is not None else "none: rules decided")
    cells[1].metric("Amount", money(row["amount_cents"]))
    took = int(row["decided_at"]) - int(row["arrived_at"]) if row["decided_at"] and row["arrived_at"] else None
    cells[2].metric("Took", NOTHING if took is None else f"{took} ms")
    cells[3].metric("Door", row["door"])
    why(row)
    payment(row)
    earlier(row)
    vector(row)
    explained(row)
    again(row["transaction_id"])


def why(row: dict[str, str]) -> None:
    st.subheader("Why")
    reasons = row["reasons_lines"].splitlines()
    st.markdown("\n".join(f"- {plain(reason)}" for reason in reasons) or "No threshold was reached and no rule spoke.")
    if explanation := row["explanation_lines"].splitlines():
        st.markdown("What raised the score most:\n" + "\n".join(f"- {plain(line)}" for line in explanation))
    if listed := texts(row.get("listed", "")):
        st.markdown(f"The payment was on: {plain(', '.join(listed))}.")
    if silent := texts(row.get("without_effect", "")):
        st.markdown(f"Spoke without effect: {plain(', '.join(silent))}.")
    notes = []
    if row["degrade_step"] not in ("", "none"):
        notes.append(f"decided as `{row['degrade_step']}`: not all was there that the model needs")
    if row["overtaken"] == "true":
        notes.append("overtaken: the vector misses earlier payments of the customer")
    if row["velocity_exact"] == "false":
        notes.append("not every earlier payment was known to the door")
    if row["judged_again"]:
        notes.append(f"judged again with the vector it should have: {row['judged_again']}")
    for note in notes:
        st.warning(note)
    st.caption(
        plain(f"Policy {row['policy_version']}, model {row['model'] or 'none'}, features {row['feature_version']}.")
    )


def payment(row: dict[str, str]) -> None:
    with st.expander("The payment"):
        fields = {
            "customer": row["customer_id"],
            "merchant": row["merchant_id"],
            "happened": row["event_time"],
            "arrived": at(row["arrived_at"]),
            "decided": at(row["decided_at"]),
            **decisions.said(row),
        }
        st.dataframe(
            [{"field": name, "value": cell} for name, cell in fields.items()],
            hide_index=True,
            alt="Fields of the payment",
        )


def earlier(row: dict[str, str]) -> None:
    with st.expander("Payments of the customer before it"):
        until = row["decision_date"]
        since = (date.fromisoformat(until) - timedelta(days=DAYS_BEFORE)).isoformat()
        rows = source.ask("decisions", decisions.before(row["customer_id"], row["counted_at"], since, until))
        if not rows:
            st.markdown(f"The doors have decided none in the {DAYS_BEFORE} days before.")
            return
        st.dataframe(
            [
                {
                    "happened": r["event_time"],
                    "payment": r["transaction_id"],
                    "decision": r["action"],
                    "score": number(r["fraud_score"]),
                    "amount": money(r["amount_cents"]),
                    "merchant": r["merchant_id"],
                }
                for r in rows
            ],
            hide_index=True,
            alt="Payments of the customer before this one",
        )


def vector(row: dict[str, str]) -> None:
    with st.expander("The vector that was scored, in words"):
        found = list(decisions.vector_in_words(row))
        if not found:
            st.markdown(
                f"Decided with features {row['feature_version']}, which this version of the code does not have."
            )
            return
        everything = st.toggle("With what somebody unknown would have, too", value=False)
        st.dataframe(
            [
                {"feature": f["feature"], "value": value(f["value"]), "meaning": f["meaning"]}
                for f in found
                if everything or not f["usual"]
            ],
            hide_index=True,
            alt="Features of the vector",
        )
        if traffic := decisions.traffic_in_words(row):
            st.markdown("What rules saw at the merchant, with the device and from the address:")
            st.dataframe(traffic, hide_index=True, alt="Counters of the traffic that rules saw")


def explained(row: dict[str, str]) -> None:
    """Only when asked: a model is fetched and opened for it."""
    st.subheader("What the score rests on")
    if not row["model"]:
        st.markdown("No model was asked: rules decided.")
        return
    if not st.toggle("Explain this one, and try other values"):
        return
    found = list(decisions.vector_in_words(row))
    opened = source.fraud_model(row["model"])
    if not found or opened is None:
        st.warning("Its model, or the code that computes its features, is not there any more.")
        return
    was = [f["value"] for f in found]
    try:
        before = what_if.explained(opened.model, was)
    except OtherFeatures as other:
        st.warning(f"It cannot be explained by this version of the code: {other}")
        return
    contributions.show(before.contributions)
    changes = other_values(found)
    if not changes:
        return
    after = what_if.explained(opened.model, what_if.with_values(was, changes))
    st.metric("Probability of fraud with these values", share(after.score), f"{after.score - before.score:+.1%}")
    st.caption(
        "The score alone: rules are not judged again here, and features that are computed from the same payments stay "
        "as they were."
    )


def other_values(found: list[dict]) -> dict[str, float | None]:
    """Values that somebody wants to try, by feature."""
    known = {f["feature"]: f["value"] for f in found}
    changes: dict[str, float | None] = {}
    for name in st.multiselect("Try other values of", list(known), placeholder="features"):
        value_of, unknown_of = st.columns([3, 1])
        unknown = unknown_of.checkbox("unknown", known[name] is None, key=f"unknown {name}")
        given = value_of.number_input(name, value=float(known[name] or 0), disabled=unknown, key=f"value {name}")
        changes[name] = None if unknown else given
    return changes


def again(transaction_id: str) -> None:
    st.subheader("Computed again")
    st.caption(
        "Vector, action and score from the lake, the policy of then and the registered model, compared to the bit."
    )
    if not st.button("Compute it again"):
        return
    here = source.platform()
    said = io.StringIO()
    with st.spinner("The lake is asked"), ONE_AT_A_TIME, contextlib.redirect_stdout(said):
        try:
            differs = explain(
                here.prefix,
                here.lake,
                here.outputs["athena_workgroup"],
                transaction_id,
                here.outputs["artifacts_bucket"],
            )
        except NotFound as missing:
            st.warning(f"{missing}. A payment of today is in the lake after the night that takes it in.")
            return
    if differs:
        st.error("It differs, or cannot be computed by this version of the code. What was found:")
    else:
        st.success("Vector, action and score are what the decision says they are.")
    st.code(said.getvalue(), language=None)
