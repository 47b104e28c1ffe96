"""The live policy: what its thresholds and rules do, what others would have done, a draft on its way to go live."""

from __future__ import annotations

import json
from itertools import islice

import streamlit as st
from scoring.documents import Conflict
from scoring.policy import InvalidPolicy, Policy

from console import own, source, trial
from console.cells import plain
from console.remembered import remembered
from tools import releases
from tools.backtest.__main__ import solved_for
from tools.backtest.comparison import Decided
from tools.backtest.stored import Stored
from tools.four_eyes import Proposed
from tools.operators import Operators
from tools.policy import rule
from tools.policy_diff import as_live, differences
from training.policy import Costs


@source.tells_what_failed
@own.says_who_may
def show() -> None:
    st.title("Policy")
    here = source.platform()
    operators = Operators.of(here.client, here.prefix, here.lake)
    live = operators.read()
    released = releases.live(here.client("dynamodb"), here.prefix)["policy"]
    policy = trial.live_policy(released, live)
    version = plain(str(live.stored.body["version"] or "none yet"))
    model = plain(str(policy.model or "the model that came with the code"))
    st.markdown(
        f"Version **{version}** decides, with thresholds of **{model}**: review from {policy.review_at:g}, block from "
        f"{policy.block_at:g}."
    )
    rules(live.stored.body["rules"])
    days = source.days()
    if not days:
        st.info("No payment has been decided yet: there is nothing to try thresholds on.")
        return
    day = st.selectbox("Day to try on (UTC)", days)
    thresholds(policy, day, released)
    draft(operators, released, day)


def rules(found: list[dict]) -> None:
    st.subheader("Rules")
    if not found:
        st.markdown("None: the score alone decides.")
        return
    st.dataframe(
        [
            {
                "rule": r["name"],
                "action": r["action"],
                "shadow": bool(r.get("shadow")),
                "says": json.dumps({k: v for k, v in r.items() if k not in ("name", "action", "shadow")}),
            }
            for r in found
        ],
        hide_index=True,
        alt="Rules of the live policy",
    )


def decided(policy: Policy, day: str) -> list[Decided]:
    """Decisions of a day as they can be judged again."""
    return read(day, policy.version, policy)


@remembered("The day's decisions are read", most=5, copied=False)
def read(day: str, version: str, _policy: Policy) -> list[Decided]:
    """Held for all who look: a slider asks for them at every move. What rules look at is the policy's, so its version
    tells them apart."""
    asked = Stored(source.analysts().ask, source.analysts().databases)
    return list(islice(asked.decisions(_policy, day, day), trial.MOST))


@remembered("The day is judged again", most=20)
def tried(
    day: str, version: str, review_at: float, block_at: float, costs: str, _policy: Policy, _costs: Costs
) -> trial.Trial:
    """Whoever opens the page sees the live thresholds: a day is judged by them once in a while."""
    return trial.tried(decided(_policy, day), trial.with_thresholds(_policy, review_at, block_at), _costs)


def thresholds(policy: Policy, day: str, released: dict) -> None:
    st.subheader("Other thresholds")
    left, right = st.columns(2)
    review_at = left.slider("Review from", 0.0, 1.0, float(policy.review_at), 0.005, format="%.3f")
    block_at = right.slider("Block from", 0.0, 1.0, float(policy.block_at), 0.005, format="%.3f")
    if block_at < review_at:
        st.warning("A payment is blocked from a score that is not below the one from which it is reviewed.")
        return
    costs = solved_for(released)
    outcome(tried(day, policy.version, review_at, block_at, repr(costs), policy, costs))
    st.caption("Thresholds go live with a release: they are solved from costs when a model is trained.")


def outcome(found: trial.Trial) -> None:
    if not found.decisions:
        st.info("The day has no decision that this version of the code can judge again.")
        return
    st.dataframe(found.rows, hide_index=True, alt="What was decided and what would be")
    load = f"{found.reviews} reviews on the day, capacity {found.capacity:.0f}"
    (st.warning if found.reviews > found.capacity else st.success)(load)
    st.caption(
        f"{found.decisions} decisions, {found.labelled} of them with a report so far. A payment without one counts as "
        f"honest. At most {trial.MOST:,} decisions are judged here; `make backtest` takes all."
    )


def draft(operators: Operators, released: dict, day: str) -> None:
    st.subheader("A draft")
    st.caption("A policy's file, as docs/rules.md describes it. Nothing is changed before the last button.")
    given = st.file_uploader("Policy (JSON)", type="json")
    if given is None:
        return
    live = operators.read()
    try:
        document = json.loads(given.getvalue())
        policy = trial.drafted(document, released, live, operators)
        after = as_live(document, live, operators.declared())
    except (InvalidPolicy, ValueError) as wrong:
        st.error(f"The draft cannot be used: {wrong}")
        return
    st.markdown("What it changes:")
    st.code("\n".join(differences(live, after)), language=None)
    st.markdown(f"What it would have done on {day}:")
    found = trial.tried(decided(policy, day), policy, solved_for(released))
    outcome(found)
    if found.rules:
        st.dataframe(found.rules, hide_index=True, alt="How often each rule spoke")
    if st.button("Make it live, or propose it where four eyes are asked for"):
        publish(document)


def publish(document: dict) -> None:
    """As whoever asks for it: what the page reads by is not who makes it live."""
    theirs = own.platform(own.POLICY)
    operators = Operators.of(theirs.client, theirs.prefix, theirs.lake)
    by = theirs.client("sts").get_caller_identity()["Arn"]
    try:
        rule(operators, document, by)
    except Proposed as waits:
        st.info(f"Proposed by {waits.by}. Somebody else makes it live, with the same file.")
    except (InvalidPolicy, Conflict) as refused:
        st.error(f"Not live: {refused}")
    else:
        st.success("Live: both doors decide by it within half a minute.")
