"""Lists that rules look at: which there are, where somebody stands, and changes of them through the lists door."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import streamlit as st
from scoring.entries import TOGETHER, told
from scoring.policy import LISTED_FIELDS, OWN, may_list

from console import own, source
from console.cells import plain
from tools.cases import Refused, ask
from tools.operators import Live, Operators

ANOTHER = "a column of your own"
LONGEST_WHY = 500


@source.tells_what_failed
@own.says_who_may
def show() -> None:
    st.title("Lists")
    here = source.platform()
    operators = Operators.of(here.client, here.prefix, here.lake)
    assert operators.entries is not None
    declared = operators.declared()
    there(operators.read(), declared)
    standing(operators)
    if declared:
        change(declared)


def there(live: Live, declared: dict[str, Any]) -> None:
    rows = [
        {"list": name, "kind": kept["kind"], "of": kept["field"], "holds": "any number", "changed by": "entries, below"}
        for name, kept in sorted(declared.items())
    ]
    rows += [
        {"list": name, "kind": "of the policy", "of": kept.field, "holds": str(len(kept.among)), "changed by": "a file"}
        for name, kept in sorted(live.lists.items())
    ]
    if not rows:
        st.info(
            "There is none. `make list LIST=<name> KIND=block|watch|allow FIELD=<field> FILE=<identifiers by line> "
            "WHY=<reason>` makes one (docs/rules.md)."
        )
        return
    st.dataframe(rows, hide_index=True, alt="Lists that rules may look at")


def standing(operators: Operators) -> None:
    st.subheader("Where somebody stands")
    left, right = st.columns(2)
    field = left.selectbox("Field", [*LISTED_FIELDS, ANOTHER], index=LISTED_FIELDS.index("customer_id"))
    if field == ANOTHER:
        field = OWN + left.text_input("Name of the column").strip()
    value = right.text_input("Value", st.query_params.get("value", "")).strip()
    if not value or not may_list(field):
        return
    assert operators.entries is not None
    lines = list(told(operators.entries.about(field, value)))
    if not lines:
        st.info(f"No list and no snooze holds this {field}, and none did.")
        return
    st.code("\n".join(lines), language=None)


def change(declared: dict[str, Any]) -> None:
    st.subheader("Change a list")
    st.caption("In effect with the next decision at either door. All of it counts, or nothing.")
    with st.form("change"):
        name = st.selectbox("List", sorted(declared), format_func=lambda one: f"{one} ({declared[one]['field']})")
        values = st.text_area(f"Identifiers, one a line, at most {TOGETHER}").split("\n")
        why = st.text_input("Why", max_chars=LONGEST_WHY)
        until = st.date_input("Until the end of this day (UTC), if not for good", None, min_value=tomorrow())
        put, off, _ = st.columns([1, 1, 3])
        wanted = put.form_submit_button("Put on"), off.form_submit_button("Take off")
    if not any(wanted):
        return
    given = [value.strip() for value in values if value.strip()]
    if not given or not why.strip():
        st.warning("A change says which identifiers, and why.")
        return
    body: dict[str, Any] = {"list": name, "values": given, "why": why.strip()}
    if wanted[1]:
        body["take_off"] = True
    elif until:
        end = datetime.combine(until + timedelta(days=1), time(), UTC)
        body["until"] = f"{end:%Y-%m-%dT%H:%M:%SZ}"
    try:
        answer = ask(own.platform(own.POLICY), "POST", "/lists", body)
    except Refused as refused:
        st.error(f"The lists door {refused}")
        return
    did = "taken off" if wanted[1] else "put on"
    st.success(f"{answer['taken_off' if wanted[1] else 'put']} {did} {plain(answer['list'])}.")


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)
