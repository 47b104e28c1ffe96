"""Monitoring of scored and decided loans and payments: quiet where nothing has changed, and in time where it has."""

from __future__ import annotations

import io
import json
import tarfile
from functools import cache

import numpy as np
import pandas as pd
import pytest

from bench.watching import AS_OF, NAMES, NUMBERS, RUNS, TURNS, Book, paid_in_time, payments
from datasets import payment_episodes
from datasets.catalog import SETS, Unusable
from datasets.loan_episodes import EPISODES
from datasets.population import Population, Settings
from features.credit import PAYMENT_BEHAVIOUR
from training import judge_loans, judge_payments, loan_drift, performance, rates
from training.default import Told
from training.drift import bins_of, measured, report


def test_a_loan_is_of_the_vintage_of_its_application_also_where_a_later_days_run_has_scored_it():
    book = quiet(0)
    features = book.rows[["loan_id"]].assign(applied_at=book.rows["at"])
    late = book.decided(RUNS[0]).assign(period="2025-12-03")
    found = judge_loans.judged(late, features, book.told, pd.Timestamp("2025-06-02", tz="UTC"), "m", None)

    assert list(found["performance"]["vintages"]) == [RUNS[0]]


@cache
def quiet(seed: int) -> Book:
    return Book(seed)


def test_books_of_loans_that_nothing_has_befallen_raise_no_alarm_in_three_monthly_runs():
    """Three of them: `make bench ONLY=watching` asks fifty."""
    assert [name for seed in range(3) for name in quiet(seed).alarms()] == []
    assert quiet(0).judged(RUNS[-1], "2025-08-02")["matured"] > 3000


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", [n for n, e in EPISODES.items() if e.shows in NAMES])
def test_a_change_of_the_applicants_is_found_within_the_runs_that_its_episode_states(name, seed):
    book = Book(seed, name)
    assert book.drifted(RUNS[0]) == [], "before it"
    runs = RUNS[1 : 1 + EPISODES[name].runs]
    assert any(EPISODES[name].shows in book.drifted(month) for month in runs)


@pytest.mark.parametrize("seed", range(2))
def test_a_defaulting_vintage_is_found_by_the_first_run_after_it_has_matured(seed):
    name = "defaulting_vintage"
    book = Book(seed, name)
    assert book.judged(RUNS[0], "2025-06-02")["performance"]["broken"] == [], "the month before it"
    assert all(book.drifted(month) == [] for month in RUNS), "they look as before"
    found = book.judged(RUNS[1], "2025-07-02")
    assert f"newest: {EPISODES[name].shows}" in found["performance"]["broken"]


def test_loans_whose_window_is_not_over_are_not_judged():
    found = quiet(0).judged(RUNS[0], "2025-04-20")
    assert (found["matured"], found["performance"]["broken"]) == (0, [])
    assert found["shares"]["APPROVE"]["n"] > 500, "what was decided is told at once"


def rows_of(n: int, seed: int, times: float = 1.0, slope: float = 1.0) -> performance.Rows:
    rng = np.random.default_rng(seed)
    odds = rng.normal(-2, 1.2, n)
    said = 1 / (1 + np.exp(-odds))
    true = 1 / (1 + np.exp(-(slope * (odds + 2) - 2 + np.log(times))))
    return performance.Rows((rng.random(n) < true).astype(int), said, np.arange(n), np.repeat("2025-01", n))


@pytest.mark.parametrize(
    ("rows", "dossier", "broken"),
    [
        (rows_of(4000, 1), {"auc": 0.75}, []),
        (rows_of(4000, 1, times=2.5), None, ["newest: observed_over_expected", "recent: observed_over_expected"]),
        (rows_of(4000, 1), {"auc": 0.9}, ["newest: auc", "recent: auc"]),
        (rows_of(60, 1, times=1.5), {"auc": 0.85}, []),  # as bad, and too few to say so
    ],
    ids=["as promised", "more defaults", "ranks worse", "few"],
)
def test_a_figure_rings_when_it_is_worse_than_borne_and_n_is_large_enough(rows, dossier, broken):
    assert performance.report(rows, dossier)["broken"] == broken


def test_a_slope_that_has_halved_is_told():
    assert "newest: slope" in performance.report(rows_of(8000, 2, slope=0.4))["broken"]


def test_intervals_of_rows_of_the_same_customers_are_wider():
    rows = rows_of(4000, 3)
    same = performance.Rows(rows.y, rows.p, np.arange(4000) // 10, rows.vintage)
    wide, narrow = (performance.of_rows(r, None, 6)["figures"]["auc"] for r in (same, rows))
    assert wide["value"] == narrow["value"]
    assert wide["high"] - wide["low"] == pytest.approx(10**0.5 * (narrow["high"] - narrow["low"]))


def test_one_score_for_all_and_no_rows_at_all_make_no_figure():
    rows = rows_of(400, 1)
    constant = performance.Rows(rows.y, np.full(400, 0.1), rows.customers, rows.vintage)
    assert performance.report(constant)["recent"]["figures"].keys() == {"observed_over_expected"}
    none = performance.Rows(*(values[:0] for values in (rows.y, rows.p, rows.customers, rows.vintage)))
    assert performance.report(none) == {"vintages": {}, "recent": performance.of_rows(none, None, 6), "broken": []}


def test_no_fraud_at_all_where_many_were_expected_rings_and_where_few_were_says_nothing():
    rows = rows_of(4000, 1)
    silent = performance.Rows(np.zeros(4000, dtype=int), rows.p, rows.customers, rows.vintage)
    assert performance.report(silent)["broken"] == ["newest: observed_over_expected", "recent: observed_over_expected"]
    few = performance.Rows(silent.y, rows.p / 4000, rows.customers, rows.vintage)
    assert performance.report(few)["recent"]["figures"] == {}


def test_the_interval_of_a_share_by_hand():
    """Wilson's of 10 of 100 at 95 %: .0552 to .1744."""
    assert performance.wilson(0.1, 100, 1.959964) == pytest.approx((0.05523, 0.17437), abs=1e-4)


@pytest.mark.parametrize(
    ("now", "n", "before", "n_before", "moved"),
    [
        (0.5, 400, 0.8, 4000, True),
        (0.75, 40_000, 0.8, 40_000, False),
        (0.5, 99, 0.8, 4000, False),
        (0.68, 110, 0.8, 200, False),
        (0.5, 400, 0.0, 0, False),
    ],
    ids=["fell", "borne, however sure", "few", "by chance", "the first run"],
)
def test_a_share_has_moved_when_it_is_more_than_borne_and_more_than_chance(now, n, before, n_before, moved):
    assert rates.against_before(now, n, before, n_before).moved is moved


def decided(**columns: list) -> pd.DataFrame:
    n = len(columns["decision"])
    usual = {"loan_id": [f"L{i}" for i in range(n)], "customer_id": [f"C{i}" for i in range(n)]}
    return pd.DataFrame({**usual, "period": ["2025-01"] * n, "policy_sha256": ["a"] * n, **columns})


def lender(words: list[str]) -> Told:
    at = pd.Timestamp("2025-02-01", tz="UTC")
    ids = [f"L{i}" for i in range(len(words))]
    return Told(decisions=pd.DataFrame({"loan_id": ids, "decided_at": at, "decision": words}))


def test_what_people_decide_otherwise_than_the_policy_is_counted_both_ways_and_apart_from_what_was_referred():
    rows = decided(decision=["APPROVE"] * 150 + ["DECLINE"] * 50 + ["REFER"] * 20)
    said = lender(["approved"] * 110 + ["declined"] * 40 + ["approved"] * 20 + ["Declined"] * 30 + ["approved"] * 20)
    found = judge_loans.shares(rows, said)
    wanted = {"n": 200, "low": 40, "high": 20, "referred": 20, "referred_approved": 20, "too_many": True}
    assert {name: found["overrides"][name] for name in wanted} == wanted
    assert found["overrides"]["share"] == pytest.approx(0.3)
    assert found["moved"] == ["overrides"]


def test_the_shares_of_another_policy_are_no_measure():
    first = decided(decision=["APPROVE"] * 300)
    second = decided(decision=["DECLINE"] * 300, period=["2025-02"] * 300)
    assert judge_loans.shares(pd.concat([first, second]), Told())["moved"] == ["APPROVE", "DECLINE"]
    other = second.assign(policy_sha256="b")
    assert judge_loans.shares(pd.concat([first, other]), Told())["moved"] == []


class Answers:
    """What the API has kept: a line for each loan, by key."""

    def __init__(self, bodies: dict[str, dict]) -> None:
        self.bodies = bodies

    def get_paginator(self, name: str) -> Answers:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict]:
        return [{"Contents": [{"Key": key} for key in self.bodies if key.startswith(Prefix)]}]

    def get_object(self, Bucket: str, Key: str) -> dict:
        return {"Body": io.BytesIO(json.dumps(self.bodies[Key]).encode())}


def answered(day: str, decision: str, n: int = 150) -> dict[str, dict]:
    told = {
        "decision": decision,
        "policy_sha256": "a",
        "default_prob": 0.1,
        "door": "api",
        "applied_at": f"{day}T10:00:00Z",
    }
    ids = [f"{day}-{i}" for i in range(n)]
    return {f"predictions/loan_answers/day={day}/{i}.jsonl": {**told, "loan_id": i, "customer_id": i} for i in ids}


def test_what_the_api_answers_is_compared_with_its_own_months_before_and_not_with_the_batch():
    s3 = Answers(
        {**answered("2025-01-31", "APPROVE"), **answered("2025-02-10", "DECLINE"), **answered("2025-03-02", "DECLINE")}
    )
    rows = judge_loans.newest(judge_loans.answers_in(s3, "lake", pd.Timestamp("2025-03-02T06:00:00Z")))
    quietly = decided(decision=["APPROVE"] * 300)
    api, batch = judge_loans.shares(rows, Told()), judge_loans.shares(quietly, Told())

    assert (api["period"], api["DECLINE"]["n_before"], api["moved"]) == ("2025-03", 300, ["APPROVE", "DECLINE"])
    assert judge_loans.moved_in(batch, api) == ["api: APPROVE", "api: DECLINE"]
    assert judge_loans.moved_in(batch, None) == batch["moved"] == []
    as_of = pd.Timestamp("2025-04-01T06:00:00Z")
    late = judge_loans.newest(judge_loans.answers_in(s3, "lake", as_of))
    assert set(late["period"]) == {"2025-01-31", "2025-02-10", "2025-03-02"}, "older ones may have matured"
    found = judge_loans.judged_answers(late, late.head(0), Told(), as_of, "m", None)
    assert found["answers"]["DECLINE"]["n_before"] == 150, "two months before the newest"
    assert found["answered"]["matured"] == 0, "nobody has told anything of them"
    assert judge_loans.judged_answers(late.head(0), late, Told(), as_of, "m", None) == {
        "answers": None,
        "answered": None,
    }


def asked_of_the_api(book: Book, times: float = 1.0) -> pd.DataFrame:
    """The loans of a book as the API has answered them, with the odds of so many times its probability."""
    rows = book.decided("2025-04")
    applied = book.rows.set_index("loan_id")["at"].reindex(rows["loan_id"]).dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_numpy()
    odds = rows["default_prob"] / (1 - rows["default_prob"]) * times
    return rows.assign(applied_at=applied, period=[at[:10] for at in applied], default_prob=odds / (1 + odds))


def test_what_the_api_has_answered_is_judged_by_what_has_become_of_it_apart_from_the_batch():
    book, as_of = quiet(0), pd.Timestamp("2025-06-02", tz="UTC")
    batch = book.judged("2025-04", "2025-06-02")
    fine = judge_loans.judged_answers(asked_of_the_api(book), book.decided("2025-03"), book.told, as_of, "m", None)
    assert fine["answered"]["matured"] == batch["matured"] > 1000
    assert (
        fine["answered"]["performance"]["recent"]["figures"]["auc"]["value"]
        == batch["performance"]["recent"]["figures"]["auc"]["value"]
    )
    assert fine["answered"]["in_runs"] == len(book.decided("2025-03"))
    assert judge_loans.broken_in(batch["performance"], fine["answered"]) == []

    bad = judge_loans.judged_answers(asked_of_the_api(book, 0.2), book.decided("2025-03"), book.told, as_of, "m", None)
    broken = judge_loans.broken_in(batch["performance"], bad["answered"])
    assert "api: recent: observed_over_expected" in broken
    assert not any(name for name in broken if not name.startswith("api: "))


def test_a_loan_that_the_api_has_answered_counts_once_and_by_its_own_application():
    book, as_of = quiet(0), pd.Timestamp("2025-06-02", tz="UTC")
    twice = pd.concat([asked_of_the_api(book), asked_of_the_api(book)])
    rows = judge_loans.newest(twice.to_dict("records"))
    found = judge_loans.judged_answers(rows, rows.head(0), book.told, as_of, "m", 0.99)["answered"]
    assert found["matured"] == book.judged("2025-04", "2025-06-02")["matured"]
    assert "recent: auc" in found["performance"]["broken"], "what the dossier promised is asked of the API, too"
    later = rows.assign(period="2025-05-30")
    same = judge_loans.judged_answers(later, rows.head(0), book.told, as_of, "m", 0.99)["answered"]
    assert same["performance"]["vintages"].keys() == found["performance"]["vintages"].keys()


def test_the_level_of_a_false_alarm_is_shared_by_both_populations():
    rows = rows_of(3000, 0, slope=0.5)
    alone, beside = performance.report(rows), performance.report(rows, populations=2)
    assert alone["recent"]["figures"].keys() == beside["recent"]["figures"].keys()
    assert performance.of_rows(rows, None, 6) == alone["recent"]
    assert performance.of_rows(rows, None, 12) == beside["recent"]


def test_of_each_loan_the_last_run_counts(tmp_path):
    for started, p in (("20250201T000000Z", 0.1), ("20250301T000000Z", 0.2)):
        folder = tmp_path / f"period=2025-01/started_at={started}/run=a"
        folder.mkdir(parents=True)
        (folder / "decisions.jsonl").write_text(json.dumps({"loan_id": "L1", "default_prob": p, "more": 1}) + "\n")
    rows = judge_loans.newest(judge_loans.lines_in(tmp_path))
    assert rows[["loan_id", "default_prob", "period"]].to_numpy().tolist() == [["L1", 0.2, "2025-01"]]


def test_five_weeks_of_payments_that_nothing_has_befallen_raise_no_alarm():
    found = []
    for seed in range(5):
        told = judge_payments.judged(*payments(seed), AS_OF, "m", 0.85)
        found += told["performance"]["broken"] + told["shares"]["moved"]
    assert found == []


@pytest.mark.parametrize("seed", range(5))
def test_frauds_that_the_score_does_not_expect_are_found_once_their_labels_have_matured(seed):
    found = judge_payments.judged(*payments(seed, times=3), AS_OF, "m", None)["performance"]["broken"]
    assert "recent: observed_over_expected" in found


@pytest.mark.parametrize("seed", range(5))
def test_a_day_on_which_much_more_is_blocked_is_found_on_that_day(seed):
    moved = judge_payments.judged(*payments(seed, blocked=0.4), AS_OF, "m", None)["shares"]["moved"]
    assert {"APPROVE", "BLOCK"} <= set(moved)


def test_young_payments_and_blocked_ones_without_a_label_are_not_judged():
    rows, labels = payments(0)
    unblocked = labels[~labels["transaction_id"].isin(rows.loc[rows["action"] == "BLOCK", "transaction_id"])]
    old = rows[(rows["event_time"] < AS_OF - pd.Timedelta(days=7)) & (rows["action"] != "BLOCK")]
    assert judge_payments.judged(rows, unblocked, AS_OF, "m", None)["matured"] == len(old)


def test_of_each_payment_the_decision_that_counts_is_read_from_the_days_of_the_log():
    def line(number: int, decided_at: int, action: str) -> str:
        told = {"transaction_id": f"T{number}", "event_time": "2025-03-01T10:00:00.000Z", "action": action}
        return json.dumps({**told, "decided_at": decided_at, "counted_at": 0, "overtaken": False, "vector": [1]})

    class Log:
        def get_paginator(self, name: str) -> Log:
            return self

        def paginate(self, Bucket: str, Prefix: str) -> list[dict]:
            return [{"Contents": [{"Key": Prefix + "1.json"}]} if Prefix.endswith("03-01/") else {}]

        def get_object(self, Bucket: str, Key: str) -> dict:
            return {"Body": self}

        def iter_lines(self) -> list[str]:
            return [line(1, 2, "BLOCK"), line(1, 1, "APPROVE"), line(2, 1, "REVIEW")]

    days = pd.date_range("2025-02-27", "2025-03-02", tz="UTC")
    rows = judge_payments.applied(judge_payments.logged(Log(), "lake", days))
    assert rows.set_index("transaction_id")["action"].to_dict() == {"T1": "BLOCK", "T2": "REVIEW"}


@pytest.mark.parametrize("given", [{"LOAN_EPISODE": "income_shift"}, {"LOAN_EPISODE": "x", "EPISODE_FROM": TURNS}])
def test_an_episode_that_nobody_knows_or_without_its_day_is_refused(given, tmp_path):
    with pytest.raises(Unusable, match="income_shift, channel_mix, column_gone, defaulting_vintage"):
        SETS["generated"](given, tmp_path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"PAYMENT_EPISODE": "x", "EPISODE_FROM": TURNS}, ", ".join(payment_episodes.EPISODES)),
        ({"PAYMENT_EPISODE": "country_gone"}, "EPISODE_FROM=day"),
        ({"EPISODE_FROM": TURNS}, "LOAN_EPISODE or PAYMENT_EPISODE"),
    ],
)
def test_an_episode_of_payments_needs_its_name_and_its_day(given, expected, tmp_path):
    with pytest.raises(Unusable, match=expected):
        SETS["generated"](given, tmp_path)


@pytest.mark.parametrize("name", payment_episodes.EPISODES)
def test_an_episode_changes_no_payment_before_its_day_and_moves_none_to_another(name):
    told = {"payments": 2_000, "loans": 1, "days": 20, "start": "2025-06-01"}
    (quietly,) = Population(Settings(**told)).payments()
    (befell,) = Population(Settings(**told, payment_episode=name, episode_from="2025-06-11")).payments()
    before = quietly["event_time"] < "2025-06-11"

    assert befell[: before.sum()].equals(quietly[before])
    assert not befell.sort_values("transaction_id", ignore_index=True).equals(quietly)
    days = [rows.set_index("transaction_id")["event_time"].str[:10].sort_index() for rows in (quietly, befell)]
    assert days[0].equals(days[1])
    assert befell["event_time"].is_monotonic_increasing


def test_a_change_of_payments_is_found_on_the_day_that_its_episode_states_and_not_before():
    assert paid_in_time("country_gone", 1)


def test_many_frauds_where_hardly_one_was_expected_are_too_many():
    """A kind that no model has met: the score calls nothing of it likely."""
    p = np.full(3_000, 0.002)
    y = (np.arange(3_000) % 100 == 0).astype(int)
    of = {"customers": np.arange(3_000), "vintage": np.repeat("2025-03-03", 3_000)}
    found = performance.report(performance.Rows(y, p, **of))

    assert found["recent"]["expected"] < performance.LEAST < found["recent"]["bad"]
    assert "recent: observed_over_expected" in found["broken"]
    few = performance.report(performance.Rows((np.arange(3_000) < 9).astype(int), p, **of))
    assert few["broken"] == [], "nine may be chance, and are not asked"


def test_an_episode_changes_no_row_before_its_day():
    quietly, befell = quiet(1).rows, Book(1, "income_shift").rows
    before = quietly["at"] < pd.Timestamp(TURNS, tz="UTC")
    assert quietly.loc[before, NUMBERS].equals(befell.loc[before, NUMBERS])
    assert (befell.loc[~before, "income"] < quietly.loc[~before, "income"]).all()


def test_a_report_is_told_as_metrics_of_its_problem(tmp_path, monkeypatch):
    """The job itself: files in, one report and metrics out."""
    book, put = quiet(0), []
    monkeypatch.setattr(judge_loans, "INPUT", tmp_path / "in")
    monkeypatch.setattr(judge_loans, "OUTPUT", tmp_path / "out")
    monkeypatch.setattr(judge_loans, "put", lambda namespace, data: put.extend(data))
    run = tmp_path / "in/decisions/period=2025-04/started_at=1/run=a"
    for folder in (run, *(tmp_path / "in" / n for n in ("features", "told", "model", "evaluation"))):
        folder.mkdir(parents=True)
    lines = book.decided("2025-04").drop(columns=["period", "started_at"]).to_dict("records")
    (run / "decisions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    book.rows.rename(columns={"at": "at_", "applied_at": "text"}).rename(columns={"at_": "applied_at"})[
        ["loan_id", "applied_at"]
    ].to_parquet(tmp_path / "in/features/a.parquet")
    assert book.told.outcomes is not None
    book.told.outcomes.to_parquet(tmp_path / "in/told/a.parquet")
    (tmp_path / "in/evaluation/evaluation.json").write_text(json.dumps({"test": {"auc": 0.99}}))
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "m"}))
    with tarfile.open(tmp_path / "in/model/model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "manifest.json", "manifest.json")
    api = {**answered("2025-05-02", "APPROVE"), **answered("2025-06-01", "REFER")}
    monkeypatch.setattr("boto3.client", lambda service: Answers(api))
    judge_loans.main(["--namespace", "Risk", "--lake", "l", "--as-of", "2025-06-02T06:00:00Z"])

    found = json.loads((tmp_path / "out/performance/performance.json").read_text())
    assert found["matured"] == len(lines)
    assert found["performance"]["broken"] == ["newest: auc", "recent: auc"], "the dossier had promised 0.99"
    told = {metric["MetricName"]: metric["Value"] for metric in put}
    assert told["Worse"] == 2
    assert found["answered"]["matured"] == 0
    assert found["shares"]["moved"] == []
    assert found["answers"]["moved"] == ["APPROVE", "REFER"]
    assert told["SharesMoved"] == 2, "the alarm hears of the API's, too"
    assert {"AUC", "KS", "ObservedOverExpected", "ApprovalRate", "SharesMoved"} <= told.keys()
    assert {tuple(d["Value"] for d in metric["Dimensions"]) for metric in put} == {("credit",)}


def test_what_customers_paid_is_not_watched_in_loans_whose_history_is_longer():
    behaviour = PAYMENT_BEHAVIOUR.columns[0]
    known = {"rows": 9, "columns": {behaviour: {"position": 0}, "income": {"position": 1}}, "score": {}}

    assert list(loan_drift.watched(known)["columns"]) == ["income"]


def test_a_model_of_payments_alone_has_its_score_watched():
    scores = np.linspace(0.01, 0.99, 200)
    known = {"rows": 200, "columns": {}, "score": bins_of(scores)}
    found = report(known, np.zeros((200, 0)), scores)

    assert (found["worst"], found["drifted"]) == ("", [])
    assert {one["MetricName"] for one in measured(found, "credit")} >= {"ScorePSI", "WorstFeaturePSI", "Drifted"}
