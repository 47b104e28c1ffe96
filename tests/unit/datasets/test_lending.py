"""The lender of the generated population: what it decides, and how its loans stand month by month."""

from __future__ import annotations

import pandas as pd
import pytest

from datasets import generated
from datasets.catalog import SETS, Unusable
from datasets.population import Population, Settings
from features.contract import CONTRACTS, DECISION_WORDS
from features.values import instant
from training.default import Told, counted, standing

YEARS = Settings(payments=10_000, loans=6_000, days=1_096, start="2022-01-01", seed=3, lender=True)
END = pd.Timestamp("2025-01-05", tz="UTC")


def drawn(settings: Settings) -> dict[str, pd.DataFrame]:
    applications, _ = Population(settings).loans()
    tables = zip(*Population(settings).lending(), strict=True)
    names = ("loan_decisions", "loan_performance", "loan_outcomes")
    return {"loan_applications": applications, **{n: pd.concat(t) for n, t in zip(names, tables, strict=True)}}


@pytest.fixture(scope="module")
def lent() -> dict[str, pd.DataFrame]:
    return drawn(YEARS)


def applied(tables: dict[str, pd.DataFrame]) -> pd.Series:
    return pd.to_datetime(tables["loan_applications"].set_index("loan_id")["applied_at"], utc=True, format="ISO8601")


def told(tables: dict[str, pd.DataFrame]) -> Told:
    def utc(name: str) -> pd.DataFrame:
        dated = CONTRACTS[name].dated_by
        return tables[name].assign(**{dated: pd.to_datetime(tables[name][dated], utc=True)})

    seen = utc("loan_performance")
    cents = {f"{name}_cents": (seen[name] * 100).round() for name in ("balance", "paid", "charged_off")}
    return Told(utc("loan_outcomes"), seen.assign(**cents), utc("loan_decisions"))


def test_every_file_of_the_lender_keeps_the_contract(lent):
    for name in ("loan_decisions", "loan_performance", "loan_outcomes"):
        contract, table = CONTRACTS[name], lent[name]
        assert set(contract.required) <= set(table) <= {column.name for column in contract.columns}
        assert not table.duplicated(list(contract.key)).any()
        assert table[contract.dated_by].map(instant).max() < instant("2025-01-01")
        assert not table[list(contract.required)].isna().any().any()
    assert set(lent["loan_decisions"]["decision"]) == set(DECISION_WORDS) - {"fraud"}
    approved = lent["loan_decisions"].loc[lent["loan_decisions"]["decision"] == "approved", "loan_id"]
    assert set(lent["loan_performance"]["loan_id"]) <= set(approved)


def test_a_loans_money_adds_up_month_by_month(lent):
    seen = lent["loan_performance"].sort_values(["loan_id", "observed_at"])
    total = seen.groupby("loan_id")[["paid", "charged_off", "recovered"]].sum()
    left = seen.groupby("loan_id")["balance"].last()
    amount = lent["loan_applications"].set_index("loan_id")["amount"].loc[total.index]

    assert (total["paid"] + total["charged_off"] + left - amount).abs().max() < 0.005 * 36
    assert (total["recovered"] <= total["charged_off"] + 0.05).all()
    assert 0.1 < total["recovered"].sum() / total["charged_off"].sum() < 0.5
    assert (seen.loc[seen["charged_off"] > 0, "days_past_due"] == 150).all()


def test_nothing_is_paid_without_being_owed_and_a_default_is_reached_through_30_and_60_days(lent):
    seen = lent["loan_performance"].sort_values(["loan_id", "observed_at"])
    defaulted = seen[seen["loan_id"].isin(seen.loc[seen["days_past_due"] == 90, "loan_id"])]
    for _, days in list(defaulted.groupby("loan_id")["days_past_due"])[:50]:
        assert days[days > 30].tolist()[:2] == [60, 90]
    assert (seen[["balance", "paid", "charged_off", "recovered"]] >= 0).all().all()


def test_payments_and_applications_are_the_same_with_and_without_a_lender(tmp_path):
    settings = {"payments": 10_000, "loans": 200, "days": 60, "seed": 5}
    for name, lender in (("without", False), ("with", True), ("again", True)):
        generated.write(Settings(**settings, lender=lender), tmp_path / name)
    files = {folder.name: {f.name: f.read_bytes() for f in folder.iterdir()} for folder in tmp_path.iterdir()}

    assert files["with"] == files["again"]
    assert set(files["with"]) - set(files["without"]) == {"loan_decisions.csv", "loan_performance.csv"}
    same = [name for name, content in files["without"].items() if files["with"][name] == content]
    assert sorted(same) == ["fraud_labels.parquet", "loan_applications.csv", "transactions.parquet"]


def test_outcomes_alone_teach_what_performance_teaches_and_the_newest_of_them_are_all_bad(lent):
    everything = told(lent)
    by_window = standing(applied(lent), everything, END)
    by_verdict = standing(applied(lent), Told(everything.outcomes, None, everything.decisions), END)
    teaches = by_window["labelled"] & by_verdict["labelled"]
    newest = everything.outcomes[
        everything.outcomes["loan_id"].map(applied(lent)) >= pd.Timestamp("2024-03-01", tz="UTC")
    ]

    assert counted(by_window)["labelled"] > 2_000
    assert teaches.sum() >= 0.95 * by_window["labelled"].sum()
    assert (by_window.loc[teaches, "state"] == by_verdict.loc[teaches, "state"]).all()
    assert len(newest) > 30
    assert newest["defaulted"].eq(1).all()
    assert not by_verdict.loc[newest["loan_id"], "labelled"].any()


def bad_rate(tables: dict[str, pd.DataFrame], first: str, last: str) -> float:
    found = standing(applied(tables), told(tables), END)
    made = applied(tables).between(pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC"))
    return found.loc[found["labelled"] & made, "state"].eq("bad").mean()


def test_a_recession_makes_more_loans_of_its_time_bad_and_none_before(lent):
    hit = drawn(Settings(**{**vars(YEARS), "recession": "2023-06-01"}))

    assert bad_rate(hit, "2023-01-01", "2023-06-01") > 1.25 * bad_rate(lent, "2023-01-01", "2023-06-01")
    assert bad_rate(hit, "2022-01-01", "2022-05-01") == bad_rate(lent, "2022-01-01", "2022-05-01")


def test_a_policy_change_declines_more_from_its_day_on_and_says_who_decided(lent):
    changed = drawn(Settings(**{**vars(YEARS), "policy_change": "2024-01-01"}))["loan_decisions"]
    after = changed["loan_id"].map(applied(lent)) >= pd.Timestamp("2024-01-01", tz="UTC")
    declined = changed["decision"] == "declined"

    assert set(changed.loc[after, "decided_by"]) == {"policy-2"}
    assert set(changed.loc[~after, "decided_by"]) == {"policy-1"}
    assert declined[after].mean() > 1.5 * declined[~after].mean()
    assert (lent["loan_decisions"]["decision"] == "declined").mean() == pytest.approx(0.15, abs=0.01)


def test_a_bank_that_tells_of_frauds_only_tells_the_same_frauds():
    def labels(**further: bool) -> pd.DataFrame:
        people = Population(Settings(payments=10_000, days=20, **further))
        return pd.concat([people.labels(payments, i) for i, payments in enumerate(people.payments())])

    every, frauds = labels(), labels(frauds_only=True)
    assert set(frauds["is_fraud"]) == {1}
    assert frauds.to_dict("list") == every[every["is_fraud"] == 1].to_dict("list")


@pytest.mark.parametrize("given", [{"RECESSION": "2025-07-01"}, {"POLICY_CHANGE": "2025-07-01", "LENDER": "0"}])
def test_what_only_a_lender_tells_needs_one(given, tmp_path):
    with pytest.raises(Unusable, match="expected LENDER=1"):
        SETS["generated"](given, tmp_path)
    with pytest.raises(Unusable, match="RECESSION: expected a day"):
        SETS["generated"]({"LENDER": "1", "RECESSION": "soon"}, tmp_path)
