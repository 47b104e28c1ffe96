"""What a month's loan decisions amount to, for whoever answers for the portfolio: counts, money, rates with intervals.

Pure: rows in, rows out. `lines` are those of a run's `decisions.jsonl`, `truth` the outcomes by loan that became known,
1 for default. Rates are of loans with a known outcome; intervals are of 95 %, Wilson's (1927).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from training.calibration import WIDTH
from training.performance import wilson

DECISIONS = ("APPROVE", "REFER", "DECLINE")
TENTHS = 10
APPROVED = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # shares of the month that a cut-off would approve
LINE = (
    "loan_id",
    "customer_id",
    "default_prob",
    "decision",
    "band",
    "expected_loss",
    "exposure",
    "reasons",
    "sentences",
)


def table(lines: Iterable[Mapping], truth: Mapping[str, int]) -> pd.DataFrame:
    """A row for each loan, with `outcome` 1, 0, or none where it is not known."""
    rows = pd.DataFrame([{name: line.get(name) for name in LINE} for line in lines], columns=list(LINE))
    rows["outcome"] = rows["loan_id"].map(truth).astype("Float64")
    for name in ("default_prob", "expected_loss", "exposure"):
        rows[name] = pd.to_numeric(rows[name])
    return rows


def rate(bad: int, n: int) -> dict | None:
    """A share with its interval; none of nobody."""
    if not n:
        return None
    low, high = wilson(bad / n, n, WIDTH)
    return {"value": bad / n, "low": max(0.0, low), "high": min(1.0, high), "n": n}


def part(rows: pd.DataFrame, of: int) -> dict:
    """What some of `of` loans are: how many, how risky, what is expected to be lost, and what became of them."""
    known = rows["outcome"].dropna()
    exposure, lost = float(rows["exposure"].sum()), float(rows["expected_loss"].sum())
    return {
        "loans": len(rows),
        "share": rate(len(rows), of),
        "mean_pd": float(rows["default_prob"].mean()) if rows["default_prob"].notna().any() else None,
        "exposure": exposure,
        "expected_loss": lost,
        "loss_share": lost / exposure if exposure else None,
        "known": len(known),
        "bad": int(known.sum()),
        "bad_rate": rate(int(known.sum()), len(known)),
    }


def by_decision(rows: pd.DataFrame) -> dict[str, dict]:
    """By decision, and `all` of them."""
    parts = {name: rows[rows["decision"] == name] for name in DECISIONS}
    return {name: part(found, len(rows)) for name, found in {**parts, "all": rows}.items()}


def by_band(rows: pd.DataFrame) -> dict[str, dict]:
    """By band, the least risky first; `none` for loans without a probability."""
    bands = rows["band"].fillna("none")
    order = rows["default_prob"].groupby(bands).mean().sort_values(na_position="last").index
    return {
        str(name): {
            **part(rows[bands == name], len(rows)),
            "lowest_pd": lowest(rows.loc[bands == name, "default_prob"]),
            "highest_pd": lowest(-rows.loc[bands == name, "default_prob"], -1),
        }
        for name in order
    }


def lowest(values: pd.Series, sign: int = 1) -> float | None:
    return sign * float(values.min()) if values.notna().any() else None


def gains(rows: pd.DataFrame) -> list[dict]:
    """Tenths of the loans with a known outcome, the riskiest first: how many of all defaults are in them so far."""
    known = judged(rows).sort_values("default_prob", ascending=False, kind="stable")
    y, found, seen = known["outcome"].to_numpy(dtype=float), [], 0.0
    for number, places in enumerate(np.array_split(np.arange(len(y)), TENTHS), 1):
        if not len(places):
            continue
        bad = float(y[places].sum())
        seen += bad
        found.append(
            {
                "tenth": number,
                "loans": len(places),
                "bad": int(bad),
                "bad_rate": rate(int(bad), len(places)),
                "caught": seen / y.sum() if y.sum() else None,
                "lift": (bad / len(places)) / y.mean() if y.sum() else None,
            }
        )
    return found


def cut_offs(rows: pd.DataFrame) -> list[dict]:
    """What would be lent, lost and bad if the safest shares of the month were approved, by the score alone."""
    scored = rows[rows["default_prob"].notna()].sort_values("default_prob", kind="stable")
    found = []
    for share in APPROVED:
        taken = scored.iloc[: round(share * len(scored))]
        if len(taken):
            found.append({"approved": share, "cut_off": float(taken["default_prob"].max()), **part(taken, len(scored))})
    return found


def reasons(rows: pd.DataFrame, decision: str = "DECLINE") -> list[dict]:
    """How many of the loans with a decision were told each reason, the commonest first."""
    refused = rows[rows["decision"] == decision]
    told: dict[str, dict] = {}
    for codes, sentences in zip(refused["reasons"], refused["sentences"], strict=True):
        for place, (code, sentence) in enumerate(zip(codes or (), sentences or (), strict=False)):
            one = told.setdefault(code, {"code": code, "sentence": sentence, "loans": 0, "first": 0})
            one["loans"] += 1
            one["first"] += place == 0
    for one in told.values():
        one["share"] = rate(one["loans"], len(refused))
    return sorted(told.values(), key=lambda one: (-one["loans"], one["code"]))


def calibration(p: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> list[dict]:
    """Tenths of a score, the lowest first: what was predicted, and what came true."""
    p, y = np.asarray(p, dtype=float), np.asarray(y, dtype=float)
    parts = [places for places in np.array_split(np.argsort(p, kind="stable"), TENTHS) if len(places)]
    return [{"predicted": float(p[places].mean()), "met": rate(int(y[places].sum()), len(places))} for places in parts]


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """The loans with a probability and a known outcome."""
    return rows[rows["outcome"].notna() & rows["default_prob"].notna()]
