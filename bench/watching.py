"""Monitoring by itself: how often it rings where nothing has happened, and whether it finds in time what has.

`false_alarms` are those of SEEDS books of loans, each with three monthly runs and the judgement of each when its loans
have matured, and of SEEDS times five weeks of decided payments and their labels, with scores that are right by
construction, and the drift of WATCHED days of payments of the generator. `not_in_time` are injected episodes of the
generator that were not found within the delay that they state, of EPISODES_OF seeds each.

Vectors of payments are the incremental engine's, of the customers' records: what a night publishes of merchants,
accounts and devices is left out, and with it the columns that would be the same in every row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datasets import payment_episodes
from datasets.loan_episodes import EPISODES
from datasets.population import PURPOSES, Population, Settings
from features.fraud import FRAUD
from features.payment import Payment
from features.state import State
from features.vector import CUSTOMER_LAYOUT, Knowledge, cells_of, fraud_vector
from tools.telling import Teller
from training import judge_loans, judge_payments
from training.default import Told
from training.drift import baseline, growing, report
from training.fraud_set import MATURITY
from training.problems import PROBLEMS

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


A_DAY, QUIET_DAYS, DAYS = 200, 62, 85  # payments; days of a population without an episode, and with one
FIRST, LEARNS, WATCHES = (pd.Timestamp(day, tz="UTC") for day in ("2025-01-01", "2025-02-01", "2025-03-01"))
# Few columns for some fifty frauds: a model that has learnt its rows by heart scores all others differently.
LEARNT_FROM = ("amount", "high_for_customer", "is_new_country", "is_night", "customer_payment_count_1h")
BEFALLS = pd.Timestamp("2025-03-04", tz="UTC")
WATCHED, DAY = 3, pd.Timedelta(days=1)  # days that are watched where nothing befalls them


class Paid:
    """Payments of the generator: a month fills the windows, a month teaches a model, and it decides on the rest."""

    def __init__(self, seed: int, episode: str | None = None) -> None:
        given = {"payment_episode": episode, "episode_from": str(BEFALLS.date())} if episode else {}
        days = DAYS if episode else QUIET_DAYS
        settings = Settings(payments=A_DAY * days, loans=1, days=days, start=str(FIRST.date()), seed=seed, **given)
        population = Population(settings)
        (self.rows,) = population.payments()
        self.labels = population.labels(self.rows, 0)
        self.labels["reported_at"] = pd.to_datetime(self.labels["reported_at"], utc=True, format="ISO8601")
        self.rows["event_time"] = pd.to_datetime(self.rows["event_time"], utc=True, format="ISO8601")
        self.vectors = vectors(self.rows, LEARNS)
        taught = ((self.rows["event_time"] >= LEARNS) & (self.rows["event_time"] < WATCHES)).to_numpy()
        x = np.nan_to_num(self.vectors, nan=-1.0)
        few = x[:, [FRAUD.columns.index(name) for name in LEARNT_FROM]]
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(few[taught], self.fraud[taught])
        p = model.predict_proba(few)[:, 1]
        still = [name for place, name in enumerate(FRAUD.columns) if len(np.unique(x[taught, place])) == 1]
        unwatched = (*PROBLEMS["fraud"].unwatched, *still, *growing(FRAUD.columns, (LEARNS - FIRST).days))
        self.known = baseline(FRAUD.columns, self.vectors[taught].astype(np.float32), p[taught], unwatched)
        self.rows["fraud_score"] = p

    @property
    def fraud(self) -> np.ndarray:
        return self.rows["is_fraud"].to_numpy(dtype=int)

    def drifted(self, day: pd.Timestamp) -> list[str]:
        """What the report of a day finds."""
        of = ((self.rows["event_time"] >= day) & (self.rows["event_time"] < day + DAY)).to_numpy()
        rows = self.rows[of]
        scores = rows["fraud_score"].to_numpy()
        return report(self.known, self.vectors[of], scores, rows["customer_id"].nunique())["drifted"]

    def broken(self, as_of: pd.Timestamp) -> list[str]:
        """What the judgement of a day finds in performance: of payments that the model did not learn from."""
        rows = self.rows[(self.rows["event_time"] >= WATCHES) & (self.rows["event_time"] < as_of)]
        rows = rows.assign(action="APPROVE", policy_version="1", model="m")
        return judge_payments.judged(rows, self.labels, as_of, "m", None)["performance"]["broken"]


def vectors(rows: pd.DataFrame, since: pd.Timestamp) -> np.ndarray:
    """Of shape (payments, FRAUD.columns), in the payments' order; unknown values are NaN, and all before `since`."""
    customers: dict[str, State] = {}
    found = np.full((len(rows), len(FRAUD.columns)), np.nan)
    named = ["transaction_id", "event_time", "customer_id", "merchant_id", "amount", "channel", "country"]
    nothing = Knowledge.nothing()
    for place, (identifier, at, customer, merchant, amount, channel, country) in enumerate(
        rows[named].itertuples(index=False)
    ):
        said = {"channel": channel} | ({"country": country} if isinstance(country, str) else {})
        paid = Payment(identifier, at.value // 1_000_000, customer, merchant, round(amount * 100), further=said)
        state = customers.setdefault(customer, State(CUSTOMER_LAYOUT))
        counted, cells = max(paid.at, state.clock + 1), cells_of(paid.at, paid.further)
        if at >= since:
            known = replace(nothing, customer=state)
            vector = fraud_vector(paid.at, counted, paid.amount, paid.merchant_id, known, cells)
            found[place] = [np.nan if value is None else value for value in vector]
        state.pay(counted, paid.amount, paid.merchant_id, paid.transaction_id, cells)
    return found


def measure(teller: Teller) -> dict:
    of_loans = [name for seed in over(teller, "quiet books of loans", SEEDS) for name in Book(seed).alarms()]
    of_payments = []
    for seed in over(teller, "quiet weeks of payments", SEEDS):
        told = judge_payments.judged(*payments(seed), AS_OF, "m", None)
        of_payments += told["performance"]["broken"] + told["shares"]["moved"]
        paid = Paid(seed)
        of_payments += [name for day in range(WATCHED) for name in paid.drifted(WATCHES + day * DAY)]
    late = {name: sum(not in_time(name, seed) for seed in over(teller, name, EPISODES_OF)) for name in EPISODES}
    late |= {
        name: sum(not paid_in_time(name, seed) for seed in over(teller, name, EPISODES_OF))
        for name in payment_episodes.EPISODES
    }
    return {
        "seeds": SEEDS,
        "episodes_of_each": EPISODES_OF,
        "loans": {"false_alarms": len(of_loans)},
        "payments": {"false_alarms": len(of_payments)},
        "not_in_time": late,
    }


def over(teller: Teller, what: str, seeds: int) -> Iterator[int]:
    with teller.phase(what):
        for seed in range(seeds):
            teller.far("seeds", seed, seeds)
            yield seed


def paid_in_time(name: str, seed: int) -> bool:
    """Whether nothing that the episode shows rings on the days before it, and it rings within the days that it states:
    of the day's vectors once the day has ended, of labels once they have matured."""
    paid, episode = Paid(seed, name), payment_episodes.EPISODES[name]
    before = [paid.drifted(WATCHES + n * DAY) for n in range((BEFALLS - WATCHES).days)]
    if episode.shows in paid.broken(BEFALLS + MATURITY) or any(episode.shows in found for found in before):
        return False
    if any(episode.shows in paid.drifted(BEFALLS + n * DAY) for n in range(episode.days)):
        return True
    return any(
        one.rpartition(" ")[2] == episode.shows
        for n in range(1, episode.days + 1)
        for one in paid.broken(BEFALLS + MATURITY + n * DAY)
    )


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
