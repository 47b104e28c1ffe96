"""`python -m datasets.describe`: every public set as Markdown, made from its declaration."""

from __future__ import annotations

from datasets.declaration import PaymentSet, PublicSet
from datasets.loan_sets import LOAN_SETS
from datasets.payment_sets import PAYMENT_SETS


def section(declared: PublicSet) -> str:
    files = (
        "`transactions`, `fraud_labels`" if isinstance(declared, PaymentSet) else "`loan_applications`, `loan_outcomes`"
    )
    lines = [
        f"## {declared.name}",
        f"{declared.title}.",
        "",
        f"- Publisher: {declared.publisher}",
        f"- Licence: {declared.licence}",
        f"- Gives: {files}",
        "",
        "| contract | comes from |",
        "|---|---|",
    ]
    for column, origins in declared.columns.items():
        lines.append(f"| `{column}` | {' or '.join(map(told, origins))} |")
    if declared.protected:
        kept = ", ".join(f"`{name}` as `{declared.further_name(name)}`" for name in declared.protected)
        lines += ["", f"Protected, kept for fairness reports and never trained on: {kept}."]
    if declared.dropped:
        lines += ["", "Left out:"]
        lines += [f"- `{pattern}`: {why}" for pattern, why in declared.dropped.items()]
    if declared.notes:
        lines += ["", declared.notes]
    return "\n".join(lines)


def told(origin: object) -> str:
    names = getattr(origin, "names", ())
    if names:
        return " with ".join(f"`{name}`" for name in names)
    return {"RowNumber": "the row's number", "Dealt": "dealt out, meaningless"}[type(origin).__name__]


def markdown() -> str:
    return "\n\n".join(["# Public data sets", *map(section, (*PAYMENT_SETS, *LOAN_SETS))]) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
