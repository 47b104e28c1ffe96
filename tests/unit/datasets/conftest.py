"""Tiny files with the columns that the publishers give, and a way to convert them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from datasets.catalog import SETS

PANS = ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"]
ROWS = 12


def handbook() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "TRANSACTION_ID": range(ROWS),
            "TX_DATETIME": pd.date_range("2018-04-01 00:00:31", periods=ROWS, freq="18h"),
            "CUSTOMER_ID": [596 + i % 3 for i in range(ROWS)],
            "TERMINAL_ID": [3156 + i % 2 for i in range(ROWS)],
            "TX_AMOUNT": [57.16 + i for i in range(ROWS)],
            "TX_TIME_SECONDS": [31 + 64_800 * i for i in range(ROWS)],
            "TX_TIME_DAYS": [64_800 * i // 86_400 for i in range(ROWS)],
            "TX_FRAUD": [int(i % 5 == 0) for i in range(ROWS)],
            "TX_FRAUD_SCENARIO": [2 * int(i % 5 == 0) for i in range(ROWS)],
        }
    )


def sparkov() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "": range(ROWS),
            "trans_date_trans_time": pd.date_range("2019-01-01 00:00:18", periods=ROWS, freq="7h").astype(str),
            "cc_num": [PANS[i % 4] for i in range(ROWS)],
            "merchant": ["fraud_Rippin, Kub and Mann", "fraud_Heller Inc"] * 6,
            "category": "misc_net",
            "amt": [4.97 + i for i in range(ROWS)],
            "first": "Ann",
            "last": "Example",
            "gender": "F",
            "street": "1 Some Street",
            "city": "Town",
            "state": "NC",
            "zip": 28654,
            "lat": 36.07,
            "long": -81.17,
            "city_pop": 3495,
            "job": "Chemist",
            "dob": "1988-03-09",
            "trans_num": [f"0b242abb623afc578575680df306{i:04d}" for i in range(ROWS)],
            "unix_time": [1_325_376_018 + i for i in range(ROWS)],
            "merch_lat": 36.01,
            "merch_long": -82.04,
            "is_fraud": [int(i % 4 == 1) for i in range(ROWS)],
        }
    )


def ulb() -> pd.DataFrame:
    measured = {f"V{i}": [0.1 * i + row for row in range(ROWS)] for i in range(1, 29)}
    times = [15_000 * i for i in range(ROWS)]
    return pd.DataFrame({"Time": times, **measured, "Amount": 149.62, "Class": [0, 1] * 6})


def ieee_cis() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "TransactionID": [2_987_000 + i for i in range(ROWS)],
            "isFraud": [0, 0, 1] * 4,
            "TransactionDT": [86_400 + 40_000 * i for i in range(ROWS)],
            "TransactionAmt": [68.5, 29.0, 59.125] * 4,
            "ProductCD": ["W", "C"] * 6,
            "card1": [13_926, 2_755, 4_663] * 4,
            "card2": [None, 404.0, 490.0] * 4,
            "card3": 150.0,
            "card4": ["discover", "mastercard", "visa"] * 4,
            "card5": [142.0, 102.0, 166.0] * 4,
            "card6": ["credit", "credit", "debit"] * 4,
            "addr1": [315.0, 325.0, None] * 4,
            "addr2": 87.0,
            "P_emaildomain": "example.com",
            "R_emaildomain": [None, "example.org"] * 6,
            "C1": 1.0,
            "V1": 1.0,
            "V339": 0.0,
        }
    )


def paysim() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "step": [1 + 20 * i for i in range(ROWS)],
            "type": ["PAYMENT", "TRANSFER", "CASH_OUT"] * 4,
            "amount": [9839.64, 181.0, 10_000_000.0] * 4,
            "nameOrig": [f"C{1_231_006_815 + i}" for i in range(ROWS)],
            "oldbalanceOrg": 170_136.0,
            "newbalanceOrig": 160_296.36,
            "nameDest": [f"M{1_979_787_155 + i % 3}" for i in range(ROWS)],
            "oldbalanceDest": 0.0,
            "newbalanceDest": 0.0,
            "isFraud": [0, 1, 0] * 4,
            "isFlaggedFraud": 0,
        }
    )


def taiwan() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ID": range(1, ROWS + 1),
            "LIMIT_BAL": 20_000.0,
            "SEX": [1, 2] * 6,
            "EDUCATION": 2,
            "MARRIAGE": 1,
            "AGE": [24 + i for i in range(ROWS)],
            "PAY_0": [2, -1] * 6,
            "BILL_AMT1": 3913.0,
            "PAY_AMT1": 0.0,
            "default payment next month": [1, 0, 0] * 4,
        }
    )


def german() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "status_of_existing_checking_account": "... < 0 DM",
            "duration_in_month": [6, 48, 12] * 4,
            "credit_amount": [1169, 5951, 2096] * 4,
            "personal_status_and_sex": "male : single",
            "age_in_years": 67,
            "foreign_worker": "yes",
            "target": [0, 1, 0] * 4,
        }
    )


def lending_club() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "funded_amnt": [16_100, 32_000] * 6,
            "term": ["term_36", "term_60"] * 6,
            "int_rate": 13.99,
            "sub_grade": "C4",
            "addr_state": "CT",
            "annual_inc": 35_000.0,
            "Class": ["good", "good", "bad"] * 4,
        }
    )


def home_credit() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "SK_ID_CURR": [100_002 + i for i in range(ROWS)],
            "TARGET": [1, 0, 0] * 4,
            "NAME_CONTRACT_TYPE": "Cash loans",
            "CODE_GENDER": ["M", "F"] * 6,
            "AMT_INCOME_TOTAL": 202_500.0,
            "AMT_CREDIT": 406_597.5,
            "NAME_FAMILY_STATUS": "Married",
            "DAYS_BIRTH": -9461,
            "DAYS_EMPLOYED": -637,
            "EXT_SOURCE_1": [0.08, None] * 6,
        }
    )


def give_me_some_credit() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "": range(1, ROWS + 1),
            "SeriousDlqin2yrs": [1, 0, 0] * 4,
            "RevolvingUtilizationOfUnsecuredLines": 0.77,
            "age": 45,
            "NumberOfTime30-59DaysPastDueNotWorse": 2,
            "DebtRatio": 0.8,
            "MonthlyIncome": ["9120", "NA"] * 6,
            "NumberOfDependents": ["2", "NA", "0"] * 4,
        }
    )


def heloc() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "RiskPerformance": ["Bad", "Good"] * 6,
            "ExternalRiskEstimate": [55, -9] * 6,
            "MSinceOldestTradeOpen": 144,
            "MaxDelq2PublicRecLast12M": 3,
        }
    )


FRAMES = {
    make.__name__: make
    for make in (
        handbook,
        ulb,
        ieee_cis,
        paysim,
        sparkov,
        taiwan,
        german,
        lending_club,
        home_credit,
        give_me_some_credit,
        heloc,
    )
}


@pytest.fixture
def frames():
    """Set by name -> a function that makes a small frame with the publisher's columns."""
    return FRAMES


@pytest.fixture
def published(tmp_path: Path):
    """Writes a set's small file, Parquet when told, and returns its path."""

    def write(name: str, frame: pd.DataFrame | None = None, suffix: str = ".csv", stem: str = "") -> Path:
        path = tmp_path / f"{stem or name}{suffix}"
        frame = FRAMES[name]() if frame is None else frame
        if suffix == ".csv":
            frame.to_csv(path, index=False)
        else:
            frame.rename(columns={"": "Unnamed: 0"}).to_parquet(path, index=False)
        return path

    return write


@pytest.fixture
def converted(tmp_path: Path):
    """Converts a source and returns the folder with the RAW files."""

    def convert(name: str, source: Path, **options: str) -> Path:
        out = tmp_path / "out"
        SETS[name]({"SOURCE": str(source), **options}, out)
        return out

    return convert


@pytest.fixture
def pans():
    return PANS
