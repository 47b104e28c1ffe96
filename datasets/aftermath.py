"""What public files tell of loans after they were made -> decisions, performance and outcomes of the RAW contract.

Each function takes a batch of the publisher's rows, with their loan_id and the instant of application, and returns a
frame by entity. Times are naive and mean UTC.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from datasets.cells import Unexpected, shown

NO_CREDIT_POLICY = "Does not meet the credit policy. Status:"
CHARGED_OFF_AFTER = 5  # months without a payment: 150 days
# By status: days past due at least, and months after the last payment at which the loan stood so.
LENDING_CLUB_STATUS: Mapping[str, tuple[int, int]] = {
    "Fully Paid": (0, 0),
    "Current": (0, 0),
    "In Grace Period": (1, 1),
    "Late (16-30 days)": (16, 1),
    "Late (31-120 days)": (31, 1),
    "Default": (121, CHARGED_OFF_AFTER),
    "Charged Off": (150, CHARGED_OFF_AFTER),
}
LENDING_CLUB_NEEDS = (
    *("loan_status", "last_pymnt_d", "funded_amnt", "loan_amnt", "total_rec_prncp", "recoveries", "out_prncp"),
    *("total_pymnt", "int_rate"),
)
SBA_NEEDS = ("MIS_Status", "ChgOffDate", "ChgOffPrinGr", "DisbursementGross", "GrAppv", "Term")
SBA_END = pd.Timestamp("2014-12-31")

Frames = dict[str, pd.DataFrame]


def lending_club(rows: pd.DataFrame, loan_id: pd.Series, applied_at: pd.Series) -> Frames:
    """Raises Unexpected for a status that is none of the lender's."""
    words = text(rows, "loan_status")
    no_policy = words.str.startswith(NO_CREDIT_POLICY)
    status = words.str.removeprefix(NO_CREDIT_POLICY).str.strip().replace("", "Issued")
    strange = status[~status.isin({*LENDING_CLUB_STATUS, "Issued"})]
    if len(strange):
        raise Unexpected(
            f"expected {', '.join([*LENDING_CLUB_STATUS, 'Issued'])} as loan_status, found {shown(strange.iloc[0])}"
        )
    lent = number(rows, "funded_amnt").fillna(number(rows, "loan_amnt"))
    decisions = pd.DataFrame(
        {
            "loan_id": loan_id,
            "decided_at": applied_at,
            "decision": "approved",
            "interest_rate": text(rows, "int_rate").str.strip().str.removesuffix("%"),
            "amount_granted": lent,
            "reason": no_policy.map({True: "does not meet the credit policy"}),
        }
    )
    seen = status != "Issued"
    late = status.map({word: days for word, (days, _) in LENDING_CLUB_STATUS.items()})
    later = status.map({word: months for word, (_, months) in LENDING_CLUB_STATUS.items()})
    lost = status.isin(("Charged Off", "Default"))
    paid = status == "Fully Paid"
    last = day(rows, "last_pymnt_d", "%b-%Y", "%b-%y", "%Y-%m-%d", "%Y-%m").fillna(applied_at)
    unpaid = (lent - number(rows, "total_rec_prncp")).clip(lower=0)
    performance = pd.DataFrame(
        {
            "loan_id": loan_id,
            "observed_at": month_end(last, later.fillna(0).astype(int)),
            "days_past_due": late.astype("Int64"),
            "balance": number(rows, "out_prncp").mask(paid | lost, 0.0),
            "paid": number(rows, "total_pymnt"),
            "charged_off": unpaid.where(status == "Charged Off"),
            "recovered": number(rows, "recoveries").where(lost),
        }
    )[seen]
    verdict = performance[(paid | lost)[seen]]
    return {
        "loan_decisions": decisions,
        "loan_performance": performance,
        "loan_outcomes": outcomes(verdict, lost[verdict.index]),
    }


def sba(rows: pd.DataFrame, loan_id: pd.Series, applied_at: pd.Series) -> Frames:
    """Raises Unexpected for a status that is none of the agency's."""
    status = text(rows, "MIS_Status").str.replace(" ", "")
    strange = status[~status.isin(("PIF", "CHGOFF", ""))]
    if len(strange):
        raise Unexpected(f"expected P I F or CHGOFF as MIS_Status, found {shown(strange.iloc[0])}")
    term = number(rows, "Term").fillna(0).clip(0, 600).astype(int)
    lent = number(rows, "DisbursementGross").fillna(number(rows, "GrAppv"))
    decisions = pd.DataFrame(
        {
            "loan_id": loan_id,
            "decided_at": applied_at,
            "decision": "approved",
            "amount_granted": lent,
            "term_months": term.astype("Int64"),
        }
    )
    lost, seen = status == "CHGOFF", status != ""
    end = month_end(applied_at, term).where(lambda ends: ends < SBA_END, SBA_END)
    end = end.where(end >= applied_at, applied_at)
    performance = pd.DataFrame(
        {
            "loan_id": loan_id,
            "observed_at": day(rows, "ChgOffDate", "%d-%b-%y", "%d-%b-%Y", "%Y-%m-%d").where(lost).fillna(end),
            "balance": 0.0,
            "paid": lent.mask(lost),  # the principal at least
            "charged_off": number(rows, "ChgOffPrinGr").where(lost),
        }
    )[seen]
    return {
        "loan_decisions": decisions,
        "loan_performance": performance,
        "loan_outcomes": outcomes(performance, lost[performance.index]),
    }


def outcomes(observed: pd.DataFrame, defaulted: pd.Series) -> pd.DataFrame:
    return observed[["loan_id", "observed_at"]].assign(defaulted=defaulted.astype(int))


def text(rows: pd.DataFrame, name: str) -> pd.Series:
    """Cells as text, empty where there is none or no such column."""
    if name not in rows:
        return pd.Series("", rows.index, dtype=object)
    return rows[name].astype(object).where(rows[name].notna(), "").astype(str).str.strip()


def number(rows: pd.DataFrame, name: str) -> pd.Series:
    """`$208,959.00 ` and `12%` are numbers; what is none is missing."""
    return pd.to_numeric(text(rows, name).str.replace(r"[$,%\s]", "", regex=True), errors="coerce").astype(float)


def day(rows: pd.DataFrame, name: str, *forms: str) -> pd.Series:
    """Instants in the first of the forms that a cell fits, null of what fits none."""
    if name in rows and pd.api.types.is_datetime64_any_dtype(rows[name]):
        return pd.to_datetime(rows[name], utc=True).dt.tz_localize(None)
    cells = text(rows, name)
    found = pd.Series(pd.NaT, rows.index, dtype="datetime64[ns]")
    for form in forms:
        found = found.fillna(pd.to_datetime(cells.where(found.isna()), format=form, errors="coerce"))
    return found


def month_end(instants: pd.Series, later: pd.Series) -> pd.Series:
    """The last day of the month that lies so many months after an instant's."""
    months = (instants.dt.year - 1970) * 12 + instants.dt.month - 1
    ordinal = (months + later + 1).to_numpy().astype("datetime64[M]")
    return pd.Series(ordinal.astype("datetime64[ns]"), instants.index) - pd.Timedelta(days=1)
