"""Review cases: the queue, the next one, and one case from its payments to the decision."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import streamlit as st

from console import own, source
from console.cells import NOTHING, plain
from tools.cases import Refused, ask

STATES = {"OPEN": "nobody has", "CLAIMED": "somebody has", "ESCALATED": "for leads", "DECIDED": "decided"}
DECISIONS = {"honest": "honest", "fraud": "fraud"}
PAGE = 100


@source.tells_what_failed
@own.says_who_may
def show() -> None:
    st.title("Review cases")
    if told := st.session_state.pop("refused", None):
        st.error(told)
    if told := st.session_state.pop("owed", None):
        st.info(told)
    mine, lead, _ = st.columns([1, 1, 3])
    if mine.button("Next case"):
        take("next")
    if lead.button("Next escalated case"):
        take("next-escalated")
    chosen = st.query_params.get("case")
    if chosen:
        one(chosen)
    queue()


def ask_api(verb: str, path: str, body: dict | None = None) -> dict | None:
    """What the API answers; none where it refused, in words that stay on the page."""
    try:
        answer = ask(own.platform(own.CASES), verb, path, body)
    except Refused as refused:
        st.session_state["refused"] = f"The cases door {refused}"
        return None
    if "error" in answer:  # it is done, and something is owed still
        st.session_state["owed"] = f"The cases door says: {answer['error']}"
    return answer


def take(which: str) -> None:
    answer = ask_api("POST", f"/cases/{which}", {})
    if answer is not None and answer.get("case") is None:
        st.info("No case waits.")
        return
    if answer is not None:
        st.query_params["case"] = answer["case"]
    st.rerun()


def queue() -> None:
    st.subheader("Queue")
    state = st.segmented_control("State", list(STATES), default="OPEN", format_func=lambda s: f"{s}: {STATES[s]}")
    answer = ask_api("GET", f"/cases?{urlencode({'state': state or 'OPEN', 'most': PAGE})}")
    if answer is None:
        st.error(st.session_state.pop("refused"))
        return
    cases = answer["cases"]
    if not cases:
        st.info(
            "None. A case opens as soon as a payment is decided REVIEW, or would be blocked by what came before it."
        )
        return
    st.caption(f"In the order in which they are taken, at most {PAGE}. Choose one to open it.")
    picked = st.dataframe(
        [
            {
                "customer": c["customer_id"],
                "payments": c["payments"],
                "money has gone": c["severity"] > 1,
                "since": c["opened_at"],
                "holder": who(c["holder"]),
                "decision": c["decision"] or NOTHING,
            }
            for c in cases
        ],
        hide_index=True,
        alt="Cases in this state",
        on_select="rerun",
        selection_mode="single-row",
        key=f"queue {state} {st.session_state.get('turn', 0)}",
    )
    for place in picked.selection.rows:
        st.session_state["turn"] = st.session_state.get("turn", 0) + 1  # else the row stays chosen
        st.query_params["case"] = cases[place]["case"]
        st.rerun()


def one(identifier: str) -> None:
    found = ask_api("GET", f"/cases/{quote(identifier, safe='')}")
    if found is None:
        st.error(st.session_state.pop("refused"))
        return
    case: dict[str, Any] = found
    st.subheader(f"Case of {plain(case['customer_id'])}")
    held = f", held by {who(case['holder'])} until {moment(case['locked_until'])}" if case["holder"] else ""
    many = f"{case['payments']} payment{'s' * (case['payments'] != 1)}"
    st.markdown(f"**{case['state']}**{plain(held)}, {many}, open since {plain(moment(case['opened_at']))}.")
    if case["decision"]:
        st.markdown(f"Decided **{case['decision']}** by {plain(who(case['decided_by']))}: {plain(case['why'] or '')}")
    told(case)
    act(case)
    with st.expander("History"):
        st.dataframe(
            [
                {"when": h["at"], "what": h["did"], "who": who(h["by"]), "why": h.get("why", "")}
                for h in case["history"]
            ],
            hide_index=True,
            alt="History of the case",
        )


def told(case: dict) -> None:
    st.dataframe(
        [
            {
                "payment": p["transaction_id"],
                "happened": p.get("event_time"),
                "was decided": p.get("action"),
                "would be": p.get("judged_again") or NOTHING,
                "score": p.get("fraud_score"),
                "reasons": ", ".join(p.get("reasons") or ()),
                "what raised the score": ", ".join(p.get("explanation") or ()),
            }
            for p in case["payments_told"]
        ],
        hide_index=True,
        alt="Payments of the case",
    )
    links = [f"[payments, loans and reports of the customer](customer?{urlencode({'customer': case['customer_id']})})"]
    links.append(f"[who shares devices](network?{urlencode({'customer': case['customer_id']})})")
    st.markdown(" · ".join(links))


def act(case: dict) -> None:
    if case["state"] == "CLAIMED":
        decide(case)
    why = st.text_input("Why, or a comment", key=f"why {case['case']}", max_chars=2000)
    actions = {
        "OPEN": ("claim", "comment"),
        "CLAIMED": ("claim", "release", "escalate", "comment"),
        "ESCALATED": ("comment",),
        "DECIDED": ("reopen", "comment"),
    }[case["state"]]
    for place, action in zip(st.columns(len(actions)), actions, strict=True):
        needs_why = action in ("escalate", "comment", "reopen")
        if place.button(action.capitalize(), disabled=needs_why and not why.strip(), key=f"{action} {case['case']}"):
            body = {} if not needs_why else {"text" if action == "comment" else "why": why.strip()}
            ask_api("POST", f"/cases/{quote(case['case'], safe='')}/{action}", body)
            st.rerun()
    if case["state"] != "DECIDED":
        reassign(case)


def reassign(case: dict) -> None:
    """A lead's: the door refuses others."""
    with st.expander("Give it to somebody else (leads)"), st.form(f"reassign {case['case']}"):
        to = st.text_input("To whom: the ARN of a user or of a role's session", key=f"to {case['case']}")
        why = st.text_input("Why somebody else", max_chars=2000, key=f"reassigned {case['case']}")
        if not st.form_submit_button("Reassign"):
            return
    if not to.strip() or not why.strip():
        st.warning("Reassigning says to whom, and why.")
        return
    body = {"to": to.strip(), "why": why.strip()}
    ask_api("POST", f"/cases/{quote(case['case'], safe='')}/reassign", body)
    st.rerun()


def decide(case: dict) -> None:
    """`seen` is what stands above: a payment that joins meanwhile makes the door refuse."""
    with st.form(f"decide {case['case']}"):
        decision = st.radio("What were these payments?", DECISIONS, index=None, horizontal=True)
        otherwise = {
            p["transaction_id"]: st.selectbox(plain(p["transaction_id"]), ["as the others", *DECISIONS])
            for p in (case["payments_told"] if case["payments"] > 1 else ())
        }
        why = st.text_area("Why", max_chars=2000, help="Whoever looks at the case later reads it.")
        if not st.form_submit_button("Decide"):
            return
    if decision is None or not why.strip():
        st.warning("A decision says what the payments were, and why.")
        return
    body: dict[str, Any] = {"decision": decision, "why": why.strip(), "seen": len(case["payments_told"])}
    if other := {name: said for name, said in otherwise.items() if said in DECISIONS and said != decision}:
        body["otherwise"] = other
    ask_api("POST", f"/cases/{quote(case['case'], safe='')}/decide", body)
    st.rerun()


def who(arn: str | None) -> str:
    """The session's name of a role, which tells a person."""
    return arn.rpartition("/" if "/" in arn else ":")[2] if arn else NOTHING


def moment(iso: str | None) -> str:
    return f"{iso[:16].replace('T', ' ')} UTC" if iso else NOTHING
