"""What a lender decides on applications of the generated population, and how the loans that it makes then stand.

All of it is drawn from streams of its own, slice by slice: payments and applications are the same with and without it.
A policy declines the worst by a score that sees risk through noise. Loans that are made are observed at the end of each
month on book. The yearly risk of a loan is spread over its months; it is higher in winter, and twice and a half as high
for half a year from a recession on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

SLICE = 50_000  # loans drawn at once
MONTHS = 36  # on book, for which a loan is observed at most
RECESSION_MONTHS, RECESSION_TIMES = 6, 2.5
WINTER, WINTER_TIMES = (11, 12, 1), 1.3  # calendar months
DECLINED, DECLINED_AFTER_CHANGE = 0.15, 0.30  # share of applications that the policy declines
WITHDRAWN = 0.03
REPAID_EARLY = 0.01  # share of loans each month
SCORE_NOISE = 0.8  # in log-odds
TO_DEFAULT, TO_CHARGE_OFF = 2, 4  # months from the first missed instalment to 90 days past due, and to the charge-off
RECOVERY_MONTHS = 6
OUTCOME_MONTHS = 12  # on book, when the lender tells that a loan is good


@dataclass(frozen=True)
class Lending:
    """`recession` and `policy_change` are days, none for none."""

    seed: int
    end: pd.Timestamp
    recession: pd.Timestamp | None = None
    policy_change: pd.Timestamp | None = None

    def slices(
        self, applications: pd.DataFrame, risk: np.ndarray
    ) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
        """Decisions, performance and outcomes. `risk` is the probability of default within a year, by application."""
        for index, first in enumerate(range(0, len(applications), SLICE)):
            part = slice(first, first + SLICE)
            rng = np.random.default_rng([self.seed, 5, index])
            rows, odds = applications.iloc[part], risk[part]
            applied = pd.to_datetime(rows["applied_at"]).dt.tz_localize(None)
            decisions = self.decisions(rng, rows, odds, applied)
            made = (decisions["decision"] == "approved").to_numpy()
            seen, outcomes = self.observed(rng, rows[made], odds[made], applied[made])
            yield decisions[pd.to_datetime(decisions["decided_at"]).dt.tz_localize(None) < self.end], seen, outcomes

    def decisions(
        self, rng: np.random.Generator, rows: pd.DataFrame, risk: np.ndarray, applied: pd.Series
    ) -> pd.DataFrame:
        size = len(rows)
        score = np.log(risk / (1 - risk)) + rng.normal(0, SCORE_NOISE, size)
        place = score.argsort().argsort() / max(size, 1)  # of this slice: 0 is the best
        changed = (
            np.zeros(size, dtype=bool) if self.policy_change is None else (applied >= self.policy_change).to_numpy()
        )
        declined = place >= 1 - np.where(changed, DECLINED_AFTER_CHANGE, DECLINED)
        withdrawn = rng.random(size) < WITHDRAWN
        decision = np.select([declined, withdrawn], ["declined", "withdrawn"], "approved")
        lent = decision == "approved"
        rate = np.round(3.5 + 12 * place, 2)
        decided = applied + pd.to_timedelta(np.round(rng.uniform(0.02, 3, size) * 86_400), unit="s")
        return pd.DataFrame(
            {
                "loan_id": rows["loan_id"].to_numpy(),
                "decided_at": stamp(decided).to_numpy(),
                "decision": decision,
                "interest_rate": np.where(lent, np.char.mod("%.2f", rate), ""),
                "amount_granted": rows["amount"].where(lent, np.nan).to_numpy(),
                "term_months": rows["term_months"].where(lent).astype("Int64").to_numpy(),
                "decided_by": np.where(changed, "policy-2", "policy-1"),
                "reason": np.where(declined, "score", ""),
            }
        )

    def observed(
        self, rng: np.random.Generator, rows: pd.DataFrame, risk: np.ndarray, applied: pd.Series
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Performance and outcomes of loans that were made, as far as the calendar goes. Arrays are loans by months."""
        size, on_book = len(rows), np.arange(1, MONTHS + 1)
        start = ((applied.dt.year - 1970) * 12 + applied.dt.month - 1).to_numpy()
        months = start[:, None] + on_book
        ends = (months + 1).astype("datetime64[M]").astype("datetime64[s]") - np.timedelta64(1, "D")
        hazard = (1 - (1 - risk) ** (1 / 12))[:, None] * np.where(np.isin(months % 12 + 1, WINTER), WINTER_TIMES, 1.0)
        if self.recession is not None:
            begun = (self.recession.year - 1970) * 12 + self.recession.month - 1
            hazard = np.where((months >= begun) & (months < begun + RECESSION_MONTHS), RECESSION_TIMES * hazard, hazard)
        misses = first_month(rng.random((size, MONTHS)) < hazard)
        repaid = first_month(rng.random((size, MONTHS)) < REPAID_EARLY)
        # Whoever pays all at once misses nothing afterwards, and nobody does who has stopped paying.
        misses = np.where(repaid < misses, MONTHS + 9, misses)
        term = rows["term_months"].to_numpy()
        slip = (rng.random((size, MONTHS)) < 0.02) & (on_book < misses[:, None])  # one instalment late, and paid
        missed = on_book - misses[:, None] + 1  # instalments that are due and unpaid; 1 in the month of the first
        paid_months = np.minimum(on_book, misses[:, None] - 1)
        whole = (on_book >= term[:, None]) | (on_book >= repaid[:, None])
        owed = np.where(whole & (missed <= 0), 0.0, 1 - paid_months / term[:, None]).clip(0, 1)
        amount = rows["amount"].to_numpy()[:, None]
        charged = missed - 1 == TO_CHARGE_OFF
        balance = np.where(missed - 1 >= TO_CHARGE_OFF, 0.0, np.round(amount * owed, 2))
        before = np.concatenate([amount, balance[:, :-1]], axis=1)
        lost = np.where(charged, before, 0.0)
        share = rng.beta(1.2, 3, size)[:, None] / RECOVERY_MONTHS  # of what was written off, got back each month
        since = missed - 1 - TO_CHARGE_OFF
        recovering = (since > 0) & (since <= RECOVERY_MONTHS)
        recovered = np.where(recovering, np.round(lost.sum(axis=1, keepdims=True) * share, 2), 0.0)
        late = np.where(missed > 0, 30 * np.minimum(missed, TO_CHARGE_OFF + 2), np.where(slip & ~whole, 30, 0))
        there = (since <= RECOVERY_MONTHS) & (np.cumsum(whole & (missed <= 0), axis=1) <= 1)
        there &= ends < np.datetime64(self.end, "s")
        who, when = np.nonzero(there)
        loan_id = rows["loan_id"].to_numpy()
        performance = pd.DataFrame(
            {
                "loan_id": loan_id[who],
                "observed_at": stamp(pd.Series(ends[who, when])).to_numpy(),
                "days_past_due": late[who, when].astype(np.int32),
                "balance": balance[who, when],
                "paid": np.round(np.where(charged, 0.0, before - balance), 2)[who, when].clip(0),
                "charged_off": lost[who, when],
                "recovered": recovered[who, when],
            }
        )
        bad = misses + TO_DEFAULT  # 90 days past due
        told = np.where(bad <= OUTCOME_MONTHS, bad, OUTCOME_MONTHS)
        at = ends[np.arange(size), told - 1]
        known = at < np.datetime64(self.end, "s")
        outcomes = pd.DataFrame(
            {
                "loan_id": loan_id,
                "defaulted": (bad <= OUTCOME_MONTHS).astype(int),
                "observed_at": stamp(pd.Series(at)).to_numpy(),
            }
        )[known]
        return performance, outcomes


def first_month(happens: np.ndarray) -> np.ndarray:
    """Month on book in which it happens first, from 1; beyond all of them where it never does."""
    return np.where(happens.any(axis=1), happens.argmax(axis=1) + 1, MONTHS + 9)


def stamp(moments: pd.Series) -> pd.Series:
    return moments.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
