"""What a validation team asks of a model before it signs: tests, each with its threshold and verdict, as JSON and HTML.

Everything is measured on rows that the model did not know, validation before test. A test fails only by more than
chance, where there is an interval to say so.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from sklearn.metrics import average_precision_score

from training.calibration import reliability
from training.challenge import drawn as drawn_auc
from training.challenge import gap
from training.drift import bins_of, psi, shares
from training.metrics import chance_of_ece, expected_calibration_error, ks

Verdict = Literal["pass", "warn", "fail", "told"]
# What the model says of some test rows, by place, after a change of what it sees.
Again = Callable[[Callable[[np.ndarray], np.ndarray], np.ndarray], np.ndarray]
SLOPE = (0.8, 1.25)
INTERCEPT, ECE, FALLS, SHIFTED, NOISE, LOST = 0.25, 0.02, 0.05, 0.25, 0.01, 0.01
OUTER, BY_HEART, DRAWS = 0.3, 0.1, 200
SEGMENT, SEGMENT_OF_A_CLASS = 100, 10  # rows of a segment in which a weak spot may be seen
TENTHS = 10
TABLES = ("importance", "weight_of_evidence", "rejects")  # of the document, which the page shows as tables
MOST_ROWS = 5_000  # on which each column is taken away once


@dataclass(frozen=True)
class Answer:
    """One question, what was measured, with its interval where there is one, what was asked for, and the verdict."""

    name: str
    value: float | None
    threshold: str
    verdict: Verdict
    low: float | None = None
    high: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Scored:
    """Rows of one part: outcomes, customers, what the model sees of shape (rows, columns), and what it says."""

    y: np.ndarray
    customers: np.ndarray
    matrix: np.ndarray
    p: np.ndarray


def asked(
    validation: Scored,
    test: Scored,
    names: Sequence[str],
    numeric: Sequence[int],
    again: Again,
    seed: int,
) -> list[Answer]:
    """`names` are those of the columns, `numeric` the places of numbers among them. `again(change,
    rows)` says what the model says of these test rows after `change` of its matrix."""
    return [
        *discrimination(test, seed),
        *calibrated(test, seed),
        *stable(validation, test, names, seed),
        weak_spots(test, names),
        robust(test, numeric, again, seed),
        resilient(test, numeric),
        sensitivity(test, names, again),
    ]


def discrimination(test: Scored, seed: int) -> list[Answer]:
    (auc,) = drawn_auc([test.p], test.y, test.customers, seed)
    low, high = map(float, np.quantile(auc[1:], [0.025, 0.975]))
    base, ap = float(test.y.mean()), float(average_precision_score(test.y, test.p))
    return [
        Answer("AUC", float(auc[0]), "interval above 0.5", "pass" if low > 0.5 else "fail", low, high),
        Answer("Gini", float(2 * auc[0] - 1), "told", "told", 2 * low - 1, 2 * high - 1),
        Answer("KS", ks(test.y, test.p), "told", "told"),
        Answer("average precision", ap, f"above the base rate of {base:.4f}", "pass" if ap > base else "fail"),
    ]


def calibrated(test: Scored, seed: int) -> list[Answer]:
    found = reliability(test.y, test.p)
    ece, chance = expected_calibration_error(test.y, test.p), chance_of_ece(test.p, seed)
    slope_fits = found.slope_high >= SLOPE[0] and found.slope_low <= SLOPE[1]
    level_fits = found.intercept_high >= -INTERCEPT and found.intercept_low <= INTERCEPT
    order = np.array_split(np.argsort(test.p, kind="stable"), TENTHS)
    rates = [float(test.y[part].mean()) for part in order if len(part)]
    errors = [max(r * (1 - r), 1e-9) ** 0.5 / len(part) ** 0.5 for r, part in zip(rates, order, strict=False)]
    turned = sum(
        rates[i] - rates[i + 1] > 2 * (errors[i] ** 2 + errors[i + 1] ** 2) ** 0.5 for i in range(len(rates) - 1)
    )
    return [
        Answer(
            "calibration slope",
            found.slope,
            f"interval meets {SLOPE[0]} to {SLOPE[1]}",
            "pass" if slope_fits else "fail",
            found.slope_low,
            found.slope_high,
        ),
        Answer(
            "calibration in the large",
            found.intercept,
            f"interval meets -{INTERCEPT} to {INTERCEPT} log-odds",
            "pass" if level_fits else "fail",
            found.intercept_low,
            found.intercept_high,
        ),
        Answer(
            "expected calibration error",
            ece,
            f"at most {ECE} above the {chance:.4f} that a perfect score has by chance",
            "pass" if ece <= chance + ECE else "fail",
        ),
        Answer(
            "tenths of the score in the order of their rates",
            float(turned),
            "no tenth's rate below the one before by more than chance",
            "pass" if turned == 0 else "fail",
            detail=", ".join(f"{rate:.4f}" for rate in rates),
        ),
    ]


def stable(validation: Scored, test: Scored, names: Sequence[str], seed: int) -> list[Answer]:
    before, after = (drawn_auc([part.p], part.y, part.customers, seed)[0] for part in (validation, test))
    fall = gap(before, after)
    known = bins_of(validation.p)
    shifted = psi(known["shares"], shares(test.p, known["edges"]))
    columns = {}
    for i, name in enumerate(names):
        bins = bins_of(validation.matrix[:, i].astype(np.float64))
        columns[name] = psi(bins["shares"], shares(test.matrix[:, i].astype(np.float64), bins["edges"]))
    worst = sorted(columns, key=columns.__getitem__, reverse=True)[:5]
    # The index of a score that did not move is (bins - 1) (1/n + 1/m) on average.
    chance = TENTHS * (1 / len(validation.p) + 1 / len(test.p))
    beyond = [name for name in worst if columns[name] > SHIFTED + 2 * chance]
    return [
        Answer(
            "AUC from validation to test rows falls by",
            fall.value,
            f"interval begins below {FALLS}",
            "pass" if fall.low < FALLS else "fail",
            fall.low,
            fall.high,
        ),
        Answer(
            "population stability of the score",
            shifted,
            f"at most {SHIFTED} beyond the {chance:.3f} of chance",
            "pass" if shifted <= SHIFTED + 2 * chance else "warn",
        ),
        Answer(
            "characteristic stability, worst column",
            columns[worst[0]] if worst else None,
            f"at most {SHIFTED} beyond the {chance:.3f} of chance",
            "warn" if beyond else "pass",
            detail=", ".join(f"{name} {columns[name]:.3f}" for name in worst),
        ),
    ]


def weak_spots(test: Scored, names: Sequence[str]) -> Answer:
    """Quarters of each column, and its gaps, in which the score ranks the outcomes worst."""
    found: list[tuple[float, float, str]] = []
    for i, name in enumerate(names):
        x = test.matrix[:, i].astype(np.float64)
        edges = np.unique(np.quantile(x[~np.isnan(x)], (0.25, 0.5, 0.75))) if (~np.isnan(x)).any() else np.empty(0)
        places = np.where(np.isnan(x), -1, np.searchsorted(edges, x, side="left"))
        for place in np.unique(places):
            inside = places == place
            bad = int(test.y[inside].sum())
            if inside.sum() < SEGMENT or min(bad, inside.sum() - bad) < SEGMENT_OF_A_CLASS:
                continue
            auc, error = ranked(test.y[inside], test.p[inside])
            where = "missing" if place < 0 else f"quarter {place + 1}"
            found.append((auc, error, f"{name}, {where}: {auc:.3f} of {int(inside.sum())} rows"))
    found.sort()
    # Of many segments one lies low by chance: the interval is that of the least of as many.
    width = 2 + np.log(max(1, len(found))) ** 0.5
    weak = [text for auc, error, text in found if auc + width * error < 0.5]
    return Answer(
        "weakest segment, AUC",
        found[0][0] if found else None,
        "none below 0.5 by more than chance",
        "fail" if weak else "pass",
        detail="; ".join(text for *_, text in found[:5]) or "no segment has enough rows",
    )


def ranked(y: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """AUC and its standard error (Hanley, McNeil, 1982)."""
    rank = np.unique(p, return_inverse=True)[1]
    bad, good = float(y.sum()), float(len(y) - y.sum())
    of_bad, of_good = np.bincount(rank, weights=y), np.bincount(rank, weights=1 - y)
    auc = float(np.sum(of_bad * (np.cumsum(of_good) - of_good / 2)) / (bad * good))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (bad - 1) * (q1 - auc**2) + (good - 1) * (q2 - auc**2)
    return auc, float((max(spread, 0.0) / (bad * good)) ** 0.5)


def robust(
    test: Scored,
    numeric: Sequence[int],
    again: Again,
    seed: int,
) -> Answer:
    """Noise of a hundredth of its spread on every number."""
    places, rng = list(numeric), np.random.default_rng(seed)

    def noisy(matrix: np.ndarray) -> np.ndarray:
        changed = matrix.copy()
        with np.errstate(invalid="ignore"):
            spread = np.nan_to_num(np.nanstd(matrix[:, places].astype(np.float64), axis=0))
        changed[:, places] += (NOISE * spread * rng.normal(size=(len(matrix), len(places)))).astype(matrix.dtype)
        return changed

    moved = again(noisy, np.arange(len(test.y)))
    lost = ranked(test.y, test.p)[0] - ranked(test.y, moved)[0]
    return Answer(
        f"AUC lost by noise of {NOISE:.0%} of the spread of every number",
        lost,
        f"at most {LOST}",
        "pass" if lost <= LOST else "fail",
        detail=f"probabilities move by {np.abs(moved - test.p).mean():.5f} on average",
    )


def resilient(test: Scored, numeric: Sequence[int]) -> Answer:
    """Whether the score still ranks among the rows that lie farthest from the middle of all, by numbers in units of
    their spread; a missing one lies in the middle."""
    name = f"AUC lost among the {OUTER:.0%} of rows that lie farthest out"
    x = test.matrix[:, list(numeric)].astype(np.float64)
    spread = np.nanstd(x, axis=0, where=~np.isnan(x)) if x.size else np.empty(0)
    moving = spread > 0
    if not moving.any():
        return Answer(name, None, "told", "told", detail="no number varies")
    away = np.nan_to_num((x[:, moving] - np.nanmean(x[:, moving], axis=0)) / spread[moving])
    far = np.argsort(-(away**2).mean(axis=1), kind="stable")[: max(1, int(OUTER * len(x)))]
    y, p = test.y[far], test.p[far]
    if min(y.sum(), len(y) - y.sum()) < SEGMENT_OF_A_CLASS:
        return Answer(name, None, "told", "told", detail=f"{int(y.sum())} of {len(y)} rows have the outcome")
    (whole, _), (outer, error) = ranked(test.y, test.p), ranked(y, p)
    lost, by_chance = whole - outer, 2 * error
    verdict: Verdict = "pass" if lost <= FALLS + by_chance else "warn"
    return Answer(name, lost, f"at most {FALLS} beyond chance", verdict, lost - by_chance, lost + by_chance)


def worth(y: np.ndarray, p: np.ndarray, amount: np.ndarray, customers: np.ndarray, seed: int) -> Answer:
    """Money of loans: what the score expects to default, over what did, with the interval of draws of whole customers.
    `amount` of shape (rows,) in any unit; loans without one are left out."""
    name = "amount expected to default, over the amount that did"
    known = np.isfinite(amount)
    y, p, amount, customers = y[known], p[known], amount[known], customers[known]
    who = np.unique(customers, return_inverse=True)[1]
    expected, met = (np.bincount(who, weights=part * amount) for part in (p, y)) if len(y) else (np.zeros(1),) * 2
    if not met.sum() > 0:
        return Answer(name, None, "told", "told", detail="no loan with an amount defaulted")
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, len(met), size=len(met)) for _ in range(DRAWS))
    sums = [(float(expected[drawn].sum()), float(met[drawn].sum())) for drawn in draws]
    ratios = [of_expected / of_met for of_expected, of_met in sums if of_met > 0]
    low, high = map(float, np.quantile(ratios, [0.025, 0.975]))
    verdict: Verdict = "pass" if high >= SLOPE[0] and low <= SLOPE[1] else "warn"
    return Answer(
        name, float(expected.sum() / met.sum()), f"interval meets {SLOPE[0]} to {SLOPE[1]}", verdict, low, high
    )


def saved(cost: float, without: float) -> Answer:
    """Money of payments: what deciding by the policy costs, over letting all through; both for as many payments."""
    ratio = cost / without if without > 0 else None
    verdict: Verdict = "told" if ratio is None else "pass" if ratio < 1 else "warn"
    return Answer("cost of the policy, over letting all payments through", ratio, "below 1", verdict)


def learnt_by_heart(known: float, test: float) -> Answer:
    """How much better the model ranks rows that it learned from than others, both by AUC."""
    lost = known - test
    return Answer(
        "AUC on rows that it learned from, above that on test rows",
        lost,
        f"at most {BY_HEART}",
        "pass" if lost <= BY_HEART else "warn",
        detail=f"{known:.4f} on rows that it learned from",
    )


def inferred(rejects: Mapping) -> list[Answer]:
    """What inferring outcomes of declined loans did to the ranking and the level of loans with known ones."""
    seen = rejects["effect"]
    gain, both = seen["auc_gain"], seen["measures"]
    worse: Verdict = "warn" if gain["high"] < 0 else "pass"
    reached = both["with"]
    level = reached["intercept_high"] >= -INTERCEPT and reached["intercept_low"] <= INTERCEPT
    return [
        Answer(
            "AUC with inferred rejects, above that of the same learner without",
            gain["value"],
            "not below 0 by more than chance",
            worse,
            gain["low"],
            gain["high"],
            f"{seen['known']} loans with known outcomes, {seen['bad']} of them bad",
        ),
        Answer(
            "calibration in the large with inferred rejects, on known loans",
            reached["intercept"],
            f"interval meets -{INTERCEPT} to {INTERCEPT} log-odds",
            "pass" if level else "warn",
            reached["intercept_low"],
            reached["intercept_high"],
            f"without them {both['without']['intercept']:+.4f}",
        ),
    ]


def sensitivity(test: Scored, names: Sequence[str], again: Again) -> Answer:
    """Which column the score rests on: the AUC that is lost where it is missing everywhere."""
    rows = np.unique(np.linspace(0, len(test.y) - 1, min(len(test.y), MOST_ROWS)).astype(int))
    y = test.y[rows]
    if not 0 < y.sum() < len(y):
        return Answer("AUC lost without the most important column", None, "told", "told", detail="one outcome only")
    whole, lost = ranked(y, test.p[rows])[0], {}
    for i, name in enumerate(names):

        def without(matrix: np.ndarray, place: int = i) -> np.ndarray:
            changed = matrix.copy()
            changed[:, place] = np.nan
            return changed

        lost[name] = whole - ranked(y, again(without, rows))[0]
    most = sorted(lost, key=lost.__getitem__, reverse=True)[:10]
    return Answer(
        "AUC lost without the most important column",
        lost[most[0]] if most else None,
        "told",
        "told",
        detail=", ".join(f"{name} {lost[name]:.4f}" for name in most),
    )


def judged(found: Sequence[Answer]) -> Verdict:
    """`fail` where one test fails, else `warn` where one warns, else `pass`."""
    verdicts = {test.verdict for test in found}
    return "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "pass"


def document(about: Mapping, found: Sequence[Answer]) -> dict:
    """The dossier, with the hash of its content: SHA-256 of the canonical JSON of all but the hash."""
    content = {**about, "tests": [asdict(test) for test in found], "verdict": judged(found)}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return {**content, "sha256": hashlib.sha256(canonical.encode()).hexdigest()}


def cell(value: object) -> str:
    return html.escape("" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value))


def page(dossier: Mapping) -> str:
    """The same to read, in one file that asks nothing of a network."""
    rows = "\n".join(
        f'<tr class="{cell(t["verdict"])}"><td>{cell(t["name"])}</td><td>{cell(t["value"])}</td>'
        f"<td>{cell(t['low'])}{' to ' if t['low'] is not None else ''}{cell(t['high'])}</td>"
        f"<td>{cell(t['threshold'])}</td><td>{cell(t['verdict'])}</td><td>{cell(t['detail'])}</td></tr>"
        for t in dossier["tests"]
    )
    facts = "\n".join(
        f"<dt>{cell(name)}</dt><dd>{cell(json.dumps(value) if isinstance(value, dict | list) else value)}</dd>"
        for name, value in dossier.items()
        if name not in ("tests", *TABLES)
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Model dossier</title><style>"
        "body{font:15px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}td,th{padding:.3rem .6rem;"
        "text-align:left;border-bottom:1px solid #ccc;vertical-align:top}.fail{background:#fdd}.warn{background:#ffd}"
        "dt{font-weight:bold}</style><h1>Model dossier</h1><dl>"
        f"{facts}</dl><table><tr><th>test<th>value<th>95 % interval<th>asked for<th>verdict<th>more</tr>{rows}</table>"
        f"{assumed(dossier.get('rejects'))}{rests_on(dossier.get('importance', ()))}"
        f"{evidence(dossier.get('weight_of_evidence', {}))}</html>\n"
    )


def assumed(rejects: Mapping | None) -> str:
    """The bands in which outcomes of declined loans were inferred, and what that changed."""
    if not rejects:
        return ""
    bands = "".join(
        f"<tr><td>{number}</td><td>{b['known']}</td>"
        f"<td>{b['bad_rate']:.2%}{'' if b['observed'] else ', extrapolated'}</td><td>{b['declined']}</td>"
        f"<td>{b['inferred_rate']:.2%}</td><td>{b['inferred_bad']}</td></tr>"
        for number, b in enumerate(rejects["bands"], 1)
    )
    seen = rejects["effect"]
    changed = "".join(
        f"<tr><td>{cell(name)}</td>"
        + "".join(f"<td>{cell(found[key])}</td>" for key in ("auc", "ks", "brier", "ece", "slope", "intercept"))
        + f"<td>{seen['mean_pd_of_declined'][name]:.2%}</td>"
        + "".join(f"<td>{a[name]:.1%}</td>" for a in seen["approved"])
        + "</tr>"
        for name, found in seen["measures"].items()
    )
    heads = "".join(f"<th>declined approved where {a['of_known']:.0%} of known are" for a in seen["approved"])
    return (
        f"<h2>Inferred outcomes of declined loans: {cell(rejects['method'])}, uplift {rejects['uplift']:g}</h2>"
        f"<p>Assumed, not observed. They taught the model and are in no figure of this page.</p>"
        "<table><tr><th>band of the score, the best first<th>known loans<th>their bad rate<th>declined<th>share taken "
        f"for bad<th>taken for bad</tr>{bands}</table><h3>The same learner with and without them, on "
        f"{seen['known']} loans with known outcomes</h3><table><tr><th>rejects<th>AUC<th>KS<th>Brier<th>ECE"
        f"<th>calibration slope<th>in the large<th>mean PD of {seen['declined']} declined{heads}</tr>{changed}</table>"
    )


def rests_on(columns: Sequence[Mapping]) -> str:
    if not columns:
        return ""
    rows = "".join(
        f"<tr><td>{cell(c['column'])}</td><td>{cell(c['log_odds'])}</td><td>{c['share']:.1%}</td></tr>" for c in columns
    )
    return (
        "<h2>What the score rests on</h2><table><tr><th>column<th>mean size of its contribution, log-odds<th>share"
        f"</tr>{rows}</table>"
    )


def evidence(columns: Mapping[str, Mapping]) -> str:
    """A table for each column, the most telling first."""
    told = []
    for name, table in sorted(columns.items(), key=lambda c: -c[1]["information_value"]):
        rows = "".join(
            f"<tr><td>{cell(b['bin'])}</td><td>{cell(b['rows'])}</td><td>{cell(b['bad'])}</td>"
            f"<td>{b['bad_rate']:.2%}</td><td>{cell(b['weight_of_evidence'])}</td></tr>"
            for b in table["bins"]
        )
        told.append(
            f"<h3>{cell(name)}: information value {table['information_value']:.4f}</h3><table><tr><th>bin<th>rows"
            f"<th>bad<th>bad rate<th>weight of evidence</tr>{rows}</table>"
        )
    return f"<h2>What each column says of the outcome</h2>{''.join(told)}" if told else ""
