"""`python -m datasets.describe`: every public set as Markdown, made from its declaration."""

from __future__ import annotations

from datasets.dated_loan_sets import DATED_LOAN_SETS
from datasets.declaration import DatedLoanSet, LoanSet, PaymentSet, PublicSet
from datasets.loan_sets import LOAN_SETS
from datasets.origins import Constant, OrRowNumber
from datasets.payment_sets import PAYMENT_SETS

GIVES: dict[type[PublicSet], str] = {
    PaymentSet: "`transactions`, `fraud_labels`",
    LoanSet: "`loan_applications`, `loan_outcomes`",
    DatedLoanSet: "`loan_applications`, `loan_decisions`, `loan_performance`, `loan_outcomes`",
}
CALENDAR: dict[type[PublicSet], str] = {
    LoanSet: "invented, since the file has no dates: applications are spread evenly, in the file's order, over DAYS "
    "days (181 unless told) from START (2025-01-01 unless told), and every outcome is told 30 days later",
    DatedLoanSet: "the file's own; START and DAYS select a stretch of it",
}

GENERATED = """## generated
A population that borrows and pays, drawn from SEED: SIZE payments and LOANS applications over DAYS days from START.

| option | what it changes |
|---|---|
| `LENDER=1` | also `loan_decisions` and `loan_performance`. A policy declines the worst 15 % by a noisy score and some applicants withdraw; loans that are made are observed at the end of each month on book, for three years at most: instalments missed from a yearly risk (higher in winter), 90 days past due two months later, charged off at 150, partly recovered in the half year after, some repaid early. `loan_outcomes` are then told of these loans alone: a default when it is reached, a good loan after twelve months on book. Take DAYS of two years and more: a [window](default.md) has to end |
| `RECESSION=day` | two and a half times the risk for six months from this day's month on (with `LENDER=1`) |
| `POLICY_CHANGE=day` | applications from this day on are declined twice as often, by `policy-2` (with `LENDER=1`) |
| `FRAUDS_ONLY=1` | nobody tells that a payment was honest |

Payments and applications are the same, byte for byte, with and without a lender. Without one every outcome is told 30
days after the application."""  # noqa: E501


def section(declared: PublicSet) -> str:
    lines: list[str | None] = [
        f"## {declared.name}",
        f"{declared.title}.",
        "",
        f"- Publisher: {declared.publisher}",
        f"- Licence: {declared.licence}",
        f"- Gives: {GIVES[type(declared)]}",
        f"- Calendar: {CALENDAR[type(declared)]}" if type(declared) in CALENDAR else None,
        "",
        "| contract | comes from |",
        "|---|---|",
    ]
    for column, origins in (*declared.columns.items(), *declared.optional.items()):
        lines.append(f"| `{column}` | {' or '.join(map(told, origins))} |")
    if declared.protected:
        kept = ", ".join(f"`{name}` as `{declared.further_name(name)}`" for name in declared.protected)
        lines += ["", f"Protected, kept for fairness reports and never trained on: {kept}."]
    if declared.dropped:
        lines += ["", "Left out:"]
        lines += [f"- `{pattern}`: {why}" for pattern, why in declared.dropped.items()]
    if declared.notes:
        lines += ["", declared.notes]
    return "\n".join(line for line in lines if line is not None)


def told(origin: object) -> str:
    names = getattr(origin, "names", ())
    if isinstance(origin, OrRowNumber):
        return f"`{origin.name}`, the row's number where it is empty" if names else "the row's number"
    if isinstance(origin, Constant):
        return f"`{origin.word}`, as the publisher says"
    if names:
        return " with ".join(f"`{name}`" for name in names)
    return {"RowNumber": "the row's number", "Dealt": "dealt out, meaningless"}[type(origin).__name__]


def markdown() -> str:
    return "\n\n".join(["# Data sets", GENERATED, *map(section, (*PAYMENT_SETS, *LOAN_SETS, *DATED_LOAN_SETS))]) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
