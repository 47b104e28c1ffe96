"""The Handbook's own way as a peer: its fifteen features and XGBoost, on the folds that ours is measured on.

Features after chapter 3.5 of Le Borgne, Siblini, Lebichot, Bontempi (2022), see `tools.quality.handbook`: the amount,
night and weekend; payments and mean amount of the customer, the payment itself included; payments and share of frauds
at the merchant, as known a week later; over 1, 7 and 30 days.

The Handbook looks at what is known at the moment of a payment. A table that a night writes knows what was told by the
end of a day: `handbook_closed_days` is the same peer with what such a table knows of merchants, so what stands between
both is what the hours since are worth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.fraud import SETTLED
from tools.quality.handbook import WEEK

DAYS = (1, 7, 30)
NIGHT_ENDS = 6  # o'clock
ROUNDS = 100
SETTINGS = {"objective": "binary:logistic", "max_depth": 5, "eta": 0.1, "seed": 0}
# As XGBoost comes, and with the exact splits and the even start that rank better here.
EXACT = {**SETTINGS, "tree_method": "exact", "base_score": 0.5}
PEERS = {"handbook": SETTINGS, "handbook_exact": EXACT, "handbook_closed_days": EXACT}
BY_CLOSED_DAYS = frozenset({"handbook_closed_days"})
DAY_MS = 86_400_000


def features(rows: pd.DataFrame, closed_days: bool = False) -> np.ndarray:
    """Of shape (rows, 15), in the order of the rows: `event_time`, `customer_id`, `merchant_id`, `amount` in cents and
    `is_fraud`, ordered by time. With `closed_days` merchants as they were known at the end of the last day that has
    settled, as our own features know them."""
    at = rows["event_time"].dt.tz_convert(None).to_numpy().astype("datetime64[ms]").astype(np.int64)
    amount = rows["amount"].to_numpy(dtype=np.float64) / 100
    fraud = rows["is_fraud"].to_numpy(dtype=np.float64)
    hour, weekday = (at // 3_600_000) % 24, (at // DAY_MS + 3) % 7
    columns = [amount, (weekday >= 5).astype(float), (hour <= NIGHT_ENDS).astype(float)]
    paid = windows(at, rows["customer_id"].to_numpy(), amount, delay=0)
    known = (at - SETTLED) // DAY_MS * DAY_MS if closed_days else at
    told = windows(at, rows["merchant_id"].to_numpy(), fraud, delay=WEEK, known=known)
    for count, total in (*paid, *told):
        columns += [count, np.divide(total, count, out=np.zeros(len(at)), where=count > 0)]
    return np.column_stack(columns)


def windows(
    at: np.ndarray, key: np.ndarray, value: np.ndarray, delay: int, known: np.ndarray | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each of DAYS how many rows of the same key lie in the window that ends `delay` days before a row, or before
    what was `known` at it (ms), and the sum of their values. Without a delay the row is in its own window."""
    known = at if known is None else known
    found = [(np.zeros(len(at)), np.zeros(len(at))) for _ in DAYS]
    order = np.argsort(key, kind="stable")
    ends = np.flatnonzero(np.append(key[order][1:] != key[order][:-1], True)) + 1
    for place in np.split(order, ends[:-1]):
        when, until = at[place], known[place] - delay * DAY_MS
        sums = np.append(0.0, np.cumsum(value[place]))
        last = np.searchsorted(when, until, side="right")
        for days, (count, total) in zip(DAYS, found, strict=True):
            first = np.searchsorted(when, until - days * DAY_MS, side="right")
            count[place], total[place] = last - first, sums[last] - sums[first]
    return found


def margins(settings: dict, learned: np.ndarray, y: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Scores of the tested rows, larger for what looks more like a fraud."""
    import xgboost

    booster = xgboost.train(settings, xgboost.DMatrix(learned, y), ROUNDS)
    return booster.predict(xgboost.DMatrix(tested), output_margin=True)
