"""Public sets of loans, declared. None has dates: see datasets.conversion.loans for the calendar they are given."""

from __future__ import annotations

from datasets.cells import count, flag, money
from datasets.declaration import LoanSet
from datasets.origins import Column, RowNumber, any_of

GERMAN_COLUMNS = (
    "status_of_existing_checking_account",
    "duration_in_month",
    "credit_history",
    "purpose",
    "credit_amount",
    "savings_account_and_bonds",
    "present_employment_since",
    "installment_rate_in_percentage_of_disposable_income",
    "personal_status_and_sex",
    "other_debtors_or_guarantors",
    "present_residence_since",
    "property",
    "age_in_years",
    "other_installment_plans",
    "housing",
    "number_of_existing_credits_at_this_bank",
    "job",
    "number_of_people_being_liable_to_provide_maintenance_for",
    "telephone",
    "foreign_worker",
    "class",
)

TAIWAN = LoanSet(
    name="taiwan",
    title="Default of credit card clients, Taiwan 2005",
    publisher="Yeh, Lien: UCI Machine Learning Repository 350",
    licence="CC BY 4.0",
    columns={
        "loan_id": (Column("ID"),),
        "customer_id": (Column("ID"),),
        "amount": (Column("LIMIT_BAL", money),),
        "defaulted": any_of("target", "default payment next month", "default.payment.next.month", read=flag()),
    },
    protected=("SEX", "AGE", "MARRIAGE"),
    notes="ID only names the row: a model would learn the order of the file from it. The amount is the credit limit.",
)

GERMAN = LoanSet(
    name="german",
    title="Statlog German Credit",
    publisher="Hofmann: UCI Machine Learning Repository 144",
    licence="CC BY 4.0",
    columns={
        "loan_id": (RowNumber("G"),),
        "customer_id": (RowNumber("GC"),),
        "amount": (Column("credit_amount", money),),
        "term_months": (Column("duration_in_month", count),),
        "defaulted": (Column("target", flag()), Column("class", flag(good="1", bad="2"))),
    },
    protected=("personal_status_and_sex", "age_in_years", "foreign_worker"),
    headless={".data": GERMAN_COLUMNS},
    notes="Takes named columns with target 1 = bad, or the publisher's german.data: 20 attributes as codes such as "
    "A11, spaces between, no names, then 1 = good and 2 = bad. Purpose and the rest keep the cells they came with.",
)

LENDING_CLUB = LoanSet(
    name="lending_club",
    title="Lending Club, sample of the R package modeldata",
    publisher="Kuhn: modeldata (tidymodels)",
    licence="MIT",
    columns={
        "loan_id": (RowNumber("LC"),),
        "customer_id": (RowNumber("LCC"),),
        "amount": (Column("funded_amnt", money),),
        "term_months": (Column("term", count),),
        "defaulted": (Column("Class", flag(good="good", bad="bad")),),
    },
    dropped={"int_rate|sub_grade": "the lender's own score: a model would copy it instead of judging the loan"},
    notes="The lender's own file, with issue_d and loan_status, is the set lending_club_loans.",
)

HOME_CREDIT = LoanSet(
    name="home_credit",
    title="Home Credit Default Risk (application_train.csv)",
    publisher="Home Credit: kaggle.com/c/home-credit-default-risk",
    licence="the competition's rules",
    columns={
        "loan_id": (Column("SK_ID_CURR"),),
        "customer_id": (Column("SK_ID_CURR"),),
        "amount": (Column("AMT_CREDIT", money),),
        "defaulted": (Column("TARGET", flag()),),
    },
    protected=("CODE_GENDER", "DAYS_BIRTH", "NAME_FAMILY_STATUS"),
    stem="application_train",
    notes="Only the main table: the bureau's and earlier applications' tables are not joined. EXT_SOURCE_1 to 3 are "
    "scores of others, bought before the decision, and stay. DAYS_EMPLOYED 365243 means none.",
)

GIVE_ME_SOME_CREDIT = LoanSet(
    name="give_me_some_credit",
    title="Give Me Some Credit (cs-training.csv)",
    publisher="Credit Fusion: kaggle.com/c/GiveMeSomeCredit",
    licence="the competition's rules",
    columns={
        "loan_id": (RowNumber("GM"),),
        "customer_id": (RowNumber("GMC"),),
        "defaulted": (Column("SeriousDlqin2yrs", flag()),),
    },
    protected=("age",),
    stem="cs-training",
    missing=("", "NA"),
    notes="There is no amount and no term. 96 and 98 in the three past-due counts are codes, not counts.",
)

HELOC = LoanSet(
    name="heloc",
    title="Home equity lines of credit (heloc_dataset_v1.csv)",
    publisher="FICO, Explainable Machine Learning Challenge 2018",
    licence="FICO's terms, accepted when it is downloaded",
    columns={
        "loan_id": (RowNumber("H"),),
        "customer_id": (RowNumber("HC"),),
        "defaulted": (Column("RiskPerformance", flag(good="Good", bad="Bad")),),
    },
    notes="There is no amount and no term. -9, -8 and -7 are codes: no record, nothing usable, condition not met. "
    "ExternalRiskEstimate is a bureau's score, known before the decision, and stays.",
)

LOAN_SETS = (TAIWAN, GERMAN, LENDING_CLUB, HOME_CREDIT, GIVE_ME_SOME_CREDIT, HELOC)
