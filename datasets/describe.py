"""`python -m datasets.describe`: every public set as Markdown, made from its declaration."""

from __future__ import annotations

from datasets.dated_loan_sets import DATED_LOAN_SETS
from datasets.declaration import DatedLoanSet, LoanSet, PaymentSet, PublicSet
from datasets.fraud_kinds import (
    ALIKE,
    DECLINED_TESTS,
    FRAUDS,
    FRIENDLY,
    FRIENDLY_TOLD,
    LEAST_CARDS,
    LEAST_MEMBERS,
    TRANSFERS,
)
from datasets.loan_sets import LOAN_SETS
from datasets.origins import Constant, OrRowNumber
from datasets.payment_sets import PAYMENT_SETS
from datasets.population import SLICE

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
| `LOAN_EPISODE=name`, `EPISODE_FROM=day` | what befalls the loans from that day on: `income_shift`, `channel_mix`, `column_gone` or `defaulting_vintage`, which [monitoring](monitoring.md) has to find |
| `PAYMENT_EPISODE=name` | with `EPISODE_FROM`, what befalls the payments: `amounts_in_cents`, `payments_by_night`, `country_gone` or `unseen_fraud` |
| `FRAUDS_ONLY=1` | nobody tells that a payment was honest |
| `FRAUD_KINDS=1` | all typed optional columns of payments, `exchange_rates`, and further kinds of fraud: below |

Payments and applications are the same, byte for byte, with and without a lender, and applications with and without kinds of
fraud. Without a lender every outcome is told 30 days after the application."""  # noqa: E501

KINDS = {
    "account_takeover": (
        "device and address that the customer never had, often of another country; large amounts within hours, one of "
        "them a transfer to a new payee",
        "`move`: a new computer at a new address, large payments and a new payee, on one or two days",
    ),
    "card_testing": (
        f"{LEAST_CARDS} cards and more on one device at one merchant within an hour, tiny amounts, "
        f"{DECLINED_TESTS:.0%} declined",
        "`rush`: as many at one kiosk, hardly any declined",
    ),
    "ring": (
        f"{LEAST_MEMBERS} customers and more buy at few merchants from one or two devices and one address, for days",
        "`office`: colleagues who order from one computer",
    ),
    "mule": (
        "six customers and more pay one account within days, which pays most of it on within three hours",
        "`collection`: friends pay one of them, who pays on",
    ),
}


def fraud_kinds() -> str:
    alike = dict(zip(FRAUDS, ALIKE, strict=True))
    rows = "\n".join(
        f"| `{kind}` | {FRAUDS[kind]} | {seen} | {look_alike}; {ALIKE[alike[kind]]} episodes |"
        for kind, (seen, look_alike) in KINDS.items()
    )
    first, last = FRIENDLY_TOLD
    return f"""### Kinds of fraud
With `FRAUD_KINDS=1` customers have phones and computers (some share one at home, and all share a kiosk's), addresses
that change, one or two cards, a home town, journeys and usual payees, and are declined now and then. {TRANSFERS:.0%} of
online payments are transfers: without a card, and their merchant is whoever receives them. Payments abroad are in the
money of the country; rates are told on weekdays. Frauds of every set show devices and places of thieves. Devices, cards
and addresses (of 10.0.0.0/8) are invented.

Episodes come on top of SIZE, about one payment in a hundred; at least one of each kind in every {SLICE:,} payments.
Each kind has honest customers who look alike, so that no single trait gives it away.

| kind | episodes in 100,000 payments | what shows it | honest and alike |
|---|---|---|---|
{rows}
| `friendly_fraud` | {FRIENDLY:.1%} of online payments | nothing: an ordinary payment that its customer calls a fraud {first} to {last} days later | every ordinary payment |

Other frauds are told as without the option. `truth.csv` beside the data names kind and episode of every fraud and of
everyone who looks alike; it is no file of the contract, and nothing reads it."""  # noqa: E501


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
    return (
        "\n\n".join(
            ["# Data sets", GENERATED, fraud_kinds(), *map(section, (*PAYMENT_SETS, *LOAN_SETS, *DATED_LOAN_SETS))]
        )
        + "\n"
    )


if __name__ == "__main__":
    print(markdown(), end="")
