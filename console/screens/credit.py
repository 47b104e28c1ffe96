"""The credit portfolio: vintages, calibration, expected loss, the riskiest loans, and one loan."""

from __future__ import annotations

import altair as alt
import streamlit as st

from console import contributions, loan_trial, source
from console.cells import NOTHING, money, number, plain, share
from lending.deciding import Loan, WrongRun
from lending.policy import InvalidPolicy, Policy
from tools.athena import text

RISKIEST = 100
DECISIONS = ("APPROVE", "REFER", "DECLINE")


@source.tells_what_failed
def show() -> None:
    st.title("Credit portfolio")
    vintages = source.ask("analytics", "SELECT * FROM portfolio_by_vintage ORDER BY vintage")
    if not vintages:
        st.info("The lake has no loans. Bring `loan_applications` (README, Your own data) and run `make ingest`.")
        return
    by_vintage(vintages)
    by_band()
    by_policy()
    riskiest()
    one_loan()


def by_vintage(rows: list[dict[str, str]]) -> None:
    st.subheader("By month of application")
    data = [
        {"month": r["vintage"], "rate": number(r[column]), "which": which, "loans": int(r["loans"])}
        for r in rows
        for column, which in (("mean_pd", "predicted"), ("default_rate", "came true"))
        if r[column]
    ]
    observed = sum(int(r["observed"]) for r in rows)
    defaults = sum(int(r["defaults"]) for r in rows)
    scored = sum(int(r["scored"]) for r in rows)
    words = (
        f"{sum(int(r['loans']) for r in rows)} loans of {len(rows)} months, {scored} with a prediction; "
        f"{defaults} of {observed} that have ended defaulted ({share(defaults / observed if observed else None)})."
    )
    chart = (
        alt.Chart(alt.Data(values=data), title="Default rate by month of application", description=words)
        .mark_line(point=True)
        .encode(
            x=alt.X("month:O", title="month of application"),
            y=alt.Y("rate:Q", title="loans that default", axis=alt.Axis(format=".0%")),
            color=alt.Color("which:N", title=None),
            strokeDash="which:N",
            tooltip=["month:O", "which:N", alt.Tooltip("rate:Q", format=".2%"), "loans:Q"],
        )
    )
    st.altair_chart(chart)
    st.caption(words)


def by_band() -> None:
    st.subheader("Calibration by band of probability")
    rows = source.ask("analytics", "SELECT * FROM default_rate_by_score_band ORDER BY band_from")
    if not rows:
        st.info("No month has been scored yet: `make night` does it on the day of the portfolio run.")
        return
    st.dataframe(
        [
            {
                "band": f"{float(r['band_from']):.0%} to {float(r['band_to']):.0%}",
                "loans": int(r["loans"]),
                "ended": int(r["observed"]),
                "predicted": share(number(r["predicted_rate"])),
                "came true": share(number(r["default_rate"])),
            }
            for r in rows
        ],
        hide_index=True,
        alt="Predicted and observed default rate by band",
    )


def by_policy() -> None:
    st.subheader("What the credit policy decided")
    newest = "SELECT max(period) FROM loans_by_decision WHERE length(period) = 7"
    rows = source.ask("analytics", f"SELECT * FROM loans_by_decision WHERE period = ({newest}) ORDER BY band, decision")
    if not rows:
        st.info(
            "No run has been decided by a policy yet: `make credit-policy POLICY=file.json` makes one live; each "
            "run of `score-loans` after it decides (docs/loan-decisions.md)."
        )
        return
    loans = sum(int(r["loans"]) for r in rows)
    by = {d: sum(int(r["loans"]) for r in rows if r["decision"] == d) for d in DECISIONS}
    lost = sum(number(r["expected_loss"]) or 0 for r in rows)
    said = ", ".join(f"{decision} {count} ({share(count / loans)})" for decision, count in by.items())
    of = f"{plain(rows[0]['period'])}, policy {plain(rows[0]['policy_version'])}"
    st.markdown(f"{of}: {said}. Expected loss of all: {lost:,.0f}.")
    st.dataframe(
        [
            {
                "band": r["band"] or NOTHING,
                "decision": r["decision"],
                "loans": int(r["loans"]),
                "mean probability of default": share(number(r["mean_default_prob"])),
                "exposure": number(r["exposure"]),
                "expected loss": number(r["expected_loss"]),
            }
            for r in rows
        ],
        hide_index=True,
        alt="Loans of the newest month by band and decision",
    )


def riskiest() -> None:
    st.subheader("The riskiest loans")
    rows = source.ask(
        "silver",
        f"""
        SELECT p.customer_id, p.loan_id, p.default_prob, a.amount_cents, a.applied_at
        FROM {source.zone("predictions")}.predictions p LEFT JOIN loan_applications a ON a.loan_id = p.loan_id
        ORDER BY p.default_prob DESC LIMIT {RISKIEST}
        """,
    )
    if not rows:
        st.markdown("None is scored.")
        return
    st.dataframe(
        [
            {
                "loan": r["loan_id"],
                "customer": r["customer_id"],
                "probability of default": share(number(r["default_prob"])),
                "amount": money(r["amount_cents"]),
                "applied": r["applied_at"],
            }
            for r in rows
        ],
        hide_index=True,
        alt="The riskiest loans",
    )


def one_loan() -> None:
    st.subheader("One loan")
    wanted = st.text_input("Loan", st.query_params.get("loan", ""), placeholder="loan_id").strip()
    if not wanted:
        return
    rows = source.ask(
        "silver",
        f"""
        SELECT a.*, p.default_prob FROM loan_applications a
        LEFT JOIN {source.zone("predictions")}.predictions p ON p.loan_id = a.loan_id
        WHERE a.loan_id = {text(wanted)}
        """,
    )
    if not rows:
        st.warning("The lake knows no such loan.")
        return
    st.query_params["loan"] = wanted
    row = rows[0]
    st.metric("Probability of default", share(number(row["default_prob"])))
    decision(wanted)
    st.dataframe(
        [{"field": name, "value": cell or NOTHING} for name, cell in row.items()],
        hide_index=True,
        alt="Fields of the loan",
    )


def decision(loan: str) -> None:
    """What the policy decided last, with the applicant's reasons in the sentences of the notice."""
    rows = source.ask(
        "predictions",
        f"""
        SELECT *, array_join(sentences, chr(10)) AS sentence_lines, array_join(rules, chr(10)) AS rule_lines
        FROM credit_decisions WHERE loan_id = {text(loan)} ORDER BY started_at DESC LIMIT 1
        """,
    )
    if not rows:
        st.markdown("No policy has decided on it.")
        return
    row = rows[0]
    cells = st.columns(4)
    cells[0].metric("Decision", row["decision"])
    cells[1].metric("Band, points", f"{row['band'] or NOTHING}, {row['points'] or NOTHING}")
    cells[2].metric("Expected loss", amount(row["expected_loss"]))
    cells[3].metric("Limit", amount(row["credit_limit"]))
    if reasons := row["sentence_lines"].splitlines():
        st.markdown("Principal reasons:\n" + "\n".join(f"- {plain(reason)}" for reason in reasons))
    if rules := row["rule_lines"].splitlines():
        st.markdown(f"Rules that it met: {plain(', '.join(rules))}.")
    st.caption(
        plain(f"Policy {row['policy_version']}, model {row['model']}, run of {row['started_at']}.")
        + " `make loan-letter` writes the notice."
    )
    explained(row)


def explained(row: dict[str, str]) -> None:
    """Only when asked: a run's rows and its model are fetched for it."""
    if not st.toggle("Explain this loan, and try other values"):
        return
    try:
        run, policy = source.loan_run(row["period"], row["run"]), source.credit_policy(row["policy_sha256"])
    except (WrongRun, InvalidPolicy) as wrong:
        st.warning(f"It cannot be explained: {wrong}")
        return
    loan = run.loans.get(row["loan_id"])
    if run.name != row["run"] or loan is None:
        st.warning(
            plain(f"It was decided by run {row['run']}, and what is kept of {row['period']} is run {run.name}.")
            + " Choose a loan that the newest run of a month has decided."
        )
        return
    before = loan_trial.tried(run.model, policy, loan)
    contributions.show(before.contributions)
    to_a_yes(run, policy, loan, before)
    changes = other_cells(run, loan)
    if not changes:
        return
    after = loan_trial.tried(run.model, policy, loan_trial.with_cells(run.model, loan, changes))
    cells = st.columns(3)
    moved = f"{after.default_prob - before.default_prob:+.1%}"
    cells[0].metric("Probability with these values", share(after.default_prob), moved, delta_color="inverse")
    cells[1].metric("Decision with these values", after.decision)
    cells[2].metric("Band, points with these values", f"{after.band}, {after.points}")
    if after.rules:
        st.markdown(f"Rules that it would meet: {plain(', '.join(after.rules))}.")
    st.caption("Columns that are computed from the same data stay as they were.")


def to_a_yes(run: source.Run, policy: Policy, loan: Loan, before: loan_trial.Trial) -> None:
    if before.decision == "APPROVE":
        return
    if not policy.moves:
        st.markdown("The policy declares no `moves`: what would have to change for a yes is not searched for.")
        return
    found = loan_trial.ways_in_words(run.model, policy, loan)
    st.markdown(
        "What would have to change for a yes:\n" + "\n".join(f"- {plain(way)}" for way in found)
        if found
        else "No move that the policy declares leads to a yes."
    )


def other_cells(run: source.Run, loan: Loan) -> dict[str, float | str | None]:
    """Values that somebody wants to try, by column."""
    known = {column.name: (column, cell) for column, cell in zip(run.model.encoding.columns, loan.cells, strict=True)}
    changes: dict[str, float | str | None] = {}
    for name in st.multiselect("Try other values of", list(known), placeholder="columns"):
        column, cell = known[name]
        value_of, missing_of = st.columns([3, 1])
        missing = missing_of.checkbox("missing", column.number(cell) is None, key=f"missing {name}")
        given: float | str | None
        if column.categories is None:
            was = column.number(cell)
            given = value_of.number_input(name, value=float(was or 0), disabled=missing, key=f"cell {name}")
        else:
            place = column.categories.index(cell) if cell in column.categories else 0
            given = value_of.selectbox(name, column.categories, place, disabled=missing, key=f"cell {name}")
        changes[name] = None if missing else given
    return changes


def amount(cell: str) -> str:
    found = number(cell)
    return NOTHING if found is None else f"{found:,.2f}"
