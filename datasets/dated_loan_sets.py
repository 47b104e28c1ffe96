"""Public sets of loans that say when a loan was made and what became of it, declared: their calendar is true."""

from __future__ import annotations

from datasets.aftermath import LENDING_CLUB_NEEDS, SBA_NEEDS, lending_club, sba
from datasets.cells import count, dated, money
from datasets.declaration import DatedLoanSet
from datasets.origins import Column, OrRowNumber

AFTERWARDS = "known only after the loan was made"

LENDING_CLUB_LOANS = DatedLoanSet(
    name="lending_club_loans",
    title="Lending Club's own files (LoanStats3a.csv and later, loan.csv, accepted_2007_to_2018Q4.csv)",
    publisher="Lending Club, as republished: kaggle.com/datasets/wordsforthewise/lending-club",
    licence="Lending Club's terms of use",
    columns={
        "loan_id": (OrRowNumber("id", "LC"), OrRowNumber("", "LC")),
        "customer_id": (OrRowNumber("member_id", "LCC"), OrRowNumber("", "LCC")),
        "applied_at": (Column("issue_d", dated("%b-%Y", "%b-%y", "%Y-%m-%d", "%Y-%m")),),
        "amount": (Column("loan_amnt", money),),
        "term_months": (Column("term", count),),
    },
    told=lending_club,
    needs=LENDING_CLUB_NEEDS,
    full_when="issue_d",
    dropped={
        "int_rate|grade|sub_grade|installment": "the lender's own score, or its price: a model would copy it",
        "(total_(pymnt|rec)|out_prncp|recoveries|collection_recovery|last_|next_pymnt|pymnt_plan).*": AFTERWARDS,
        "(hardship|settlement|debt_settlement|deferral|payment_plan|orig_projected|loan_status).*": AFTERWARDS,
        "(funded_amnt|funded_amnt_inv)": AFTERWARDS,
        "url|desc|emp_title": "free text, some of it about one person",
    },
    notes="issue_d is the month in which the loan was made, and stands for that of its application. A note before the "
    "names and sums below the rows are passed over; loans without a number get their row's. What became of a loan is "
    "told as far as the file tells it: `Fully Paid` in the month of its last payment (balance 0), `Current` as of that "
    "month, `Late` and `In Grace Period` a month later with the least days past due that the word means, `Charged Off` "
    "and `Default` five months after the last payment with 150 days past due, as this lender charges off, with the "
    "principal that was not paid and what was recovered of it; the file has no date of a charge-off, nor of what was "
    "recovered. A loan without a payment is counted from its issue. `Does not meet the credit policy` is the reason of "
    "the decision. Rejected applications are another file, with other columns, and not read.",
)

SBA = DatedLoanSet(
    name="sba",
    title="Loans guaranteed by the Small Business Administration, 1962 to 2014 (SBAnational.csv)",
    publisher="Li, Mickel, Taylor (Journal of Statistics Education 26), from the U.S. SBA: "
    "kaggle.com/datasets/mirbektoktogaraev/should-this-loan-be-approved-or-denied",
    licence="records of a U.S. agency; the copy's own terms",
    columns={
        "loan_id": (Column("LoanNr_ChkDgt"),),
        "customer_id": (Column("LoanNr_ChkDgt"),),
        "applied_at": (Column("ApprovalDate", dated("%d-%b-%y", "%d-%b-%Y", "%Y-%m-%d")),),
        "amount": (Column("GrAppv", money),),
        "term_months": (Column("Term", count),),
    },
    told=sba,
    needs=SBA_NEEDS,
    stem="SBAnational",
    full_when="ApprovalDate",
    dropped={
        "MIS_Status|ChgOffDate|ChgOffPrinGr|BalanceGross|DisbursementDate|DisbursementGross": AFTERWARDS,
        "ApprovalFY": "repeats the year",
        "Name": "who borrows",
    },
    notes="The day of approval stands for that of the application; two digits of a year are 1921 to 2020. A loan with "
    "`CHGOFF` is charged off on ChgOffDate with the principal of ChgOffPrinGr, so that loss given default is that over "
    "the amount granted (DisbursementGross); nothing is told of recoveries, nor of days past due. A loan with `P I F` "
    "has paid the amount granted, and perhaps interest, by the end of its term or of 2014, whichever is earlier: the "
    "file does not say when. What was approved before 1970 goes to quarantine. Most charge-offs come after years: a "
    "window of 12 months calls few of them bad, 60 are usual here. Borrowers have no identifier: each loan is its own "
    "customer.",
)

DATED_LOAN_SETS = (LENDING_CLUB_LOANS, SBA)
