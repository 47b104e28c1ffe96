"""Monitoring by itself: how often it rings where nothing has happened, and whether it finds in time what has.

`false_alarms` are those of SEEDS books of loans, each with three monthly runs and the judgement of each when its loans
have matured, and of SEEDS times five weeks of payments. `not_in_time` are injected episodes of the generator that were
not found within the delay that they state, of EPISODES_OF seeds each.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datasets.loan_episodes import EPISODES
from datasets.population import PURPOSES, Population, Settings
from training import judge_loans, judge_payments
from training.default import Told
from training.drift import baseline, report

SEEDS, EPISODES_OF = 50, 10
START = "2025-01-01"
LEARNT, TURNS = pd.Timestamp("2025-04-01", tz="UTC"), "2025-05-01"  # months 1 to 3 teach, month 5 is another
MATURED = ("2025-06-02", "2025-07-02", "2025-08-02")
RUNS = ("2025-04", "2025-05", "2025-06")
NUMBERS = ["amount", "term_months", "income", "employment_years", "utilisation", "delinquencies_2y"]
NAMES = (*NUMBERS, "purpose")


def matrix(rows: pd.DataFrame) -> np.ndarray:
    codes = rows["purpose"].map({name: code for code, name in enumerate(PURPOSES)})
    return np.column_stack([rows[NUMBERS].to_numpy(dtype=float), codes.to_numpy(dtype=float)])


def filled(x: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(x), 0.45, x)


class Book:
    """Half a year of applications of the generator, a model of its first months, and what it says of the others."""

    def __init__(self, seed: int, episode: str | None = None) -> None:
        given = {"loan_episode": episode, "episode_from": TURNS} if episode else {}
        settings = Settings(payments=240_000, loans=9_000, days=180, start=START, seed=seed, **given)
        self.rows, outcomes = Population(settings).loans()
        self.rows["at"] = pd.to_datetime(self.rows["applied_at"], utc=True, format="ISO8601")
        at = pd.to_datetime(outcomes["observed_at"], utc=True, format="ISO8601")
        self.told = Told(outcomes=outcomes.assign(observed_at=at))
        taught = (self.rows["at"] < LEARNT).to_numpy()
        x = matrix(self.rows)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[taught], outcomes["defaulted"][taught])
        p = model.predict_proba(filled(x))[:, 1]
        self.known = baseline(NAMES, x[taught].astype(np.float32), p[taught], ())
        self.rows["p"], self.x = p, x

    def drifted(self, month: str) -> list[str]:
        """What the run that scores a month's applications finds."""
        of = (self.rows["at"].dt.strftime("%Y-%m") == month).to_numpy()
        customers = self.rows["customer_id"][of].nunique()
        return report(self.known, self.x[of], self.rows["p"].to_numpy()[of], customers)["drifted"]

    def alarms(self) -> list[str]:
        """What three monthly runs find, and the judgements of their loans two months after each begins."""
        found = [name for month in RUNS for name in self.drifted(month)]
        for month, as_of in zip(RUNS, MATURED, strict=True):
            judged = self.judged(month, as_of)
            found += judged["performance"]["broken"] + judged["shares"]["moved"]
        return found

    def decided(self, until: str) -> pd.DataFrame:
        months = self.rows["at"].dt.strftime("%Y-%m")
        rows = self.rows[(months >= RUNS[0]) & (months <= until)]
        return pd.DataFrame(
            {
                "customer_id": rows["customer_id"],
                "loan_id": rows["loan_id"],
                "default_prob": rows["p"],
                "decision": np.select([rows["p"] > 0.4, rows["p"] > 0.25], ["DECLINE", "REFER"], "APPROVE"),
                "policy_sha256": "a",
                "model": "m",
                "period": months[rows.index],
                "started_at": "1",
            }
        )

    def judged(self, until: str, as_of: str) -> dict:
        features = self.rows.rename(columns={"at": "applied"})[["loan_id", "applied"]]
        return judge_loans.judged(
            self.decided(until),
            features.rename(columns={"applied": "applied_at"}),
            self.told,
            pd.Timestamp(as_of, tz="UTC"),
            "m",
            None,
        )


AS_OF = pd.Timestamp("2025-03-03", tz="UTC")


def payments(seed: int, times: float = 1.0, blocked: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Five weeks of decisions up to AS_OF, and labels of the frauds; `blocked` of the last day's more."""
    rng = np.random.default_rng(seed)
    n = 20_000
    p = 1 / (1 + np.exp(-rng.normal(-4, 1.5, n)))
    at = AS_OF - pd.to_timedelta(rng.uniform(0, 35, n), unit="D")
    action = np.select([p > 0.6, p > 0.3], ["BLOCK", "REVIEW"], "APPROVE")
    action[(at >= AS_OF - pd.Timedelta(days=1)) & (rng.random(n) < blocked)] = "BLOCK"
    rows = pd.DataFrame(
        {
            "transaction_id": [f"T{i}" for i in range(n)],
            "customer_id": [f"C{i}" for i in rng.integers(0, 6000, n)],
            "event_time": at,
            "fraud_score": p,
            "action": action,
            "policy_version": "1",
            "model": "m",
        }
    )
    odds = times * p / (1 - p)
    fraud = rng.random(n) < odds / (1 + odds)
    told = fraud | (action != "APPROVE")
    labels = pd.DataFrame({"transaction_id": rows["transaction_id"][told], "is_fraud": fraud[told].astype(int)})
    return rows, labels.assign(reported_at=at[told] + pd.Timedelta(days=3))


def measure() -> dict:
    of_loans = [name for seed in range(SEEDS) for name in Book(seed).alarms()]
    of_payments = []
    for seed in range(SEEDS):
        told = judge_payments.judged(*payments(seed), AS_OF, "m", None)
        of_payments += told["performance"]["broken"] + told["shares"]["moved"]
    late = {name: sum(not in_time(name, seed) for seed in range(EPISODES_OF)) for name in EPISODES}
    return {
        "seeds": SEEDS,
        "episodes_of_each": EPISODES_OF,
        "loans": {"false_alarms": len(of_loans)},
        "payments": {"false_alarms": len(of_payments)},
        "not_in_time": late,
    }


def in_time(name: str, seed: int) -> bool:
    """Whether nothing rings in the month before the episode, and what it shows rings within the runs that it states."""
    book, episode = Book(seed, name), EPISODES[name]
    if book.drifted(RUNS[0]) or book.judged(RUNS[0], MATURED[0])["performance"]["broken"]:
        return False
    for month, as_of in list(zip(RUNS, MATURED, strict=True))[1 : 1 + episode.runs]:
        broken = {one.rpartition(" ")[2] for one in book.judged(month, as_of)["performance"]["broken"]}
        if episode.shows in broken or episode.shows in book.drifted(month):
            return True
    return False
