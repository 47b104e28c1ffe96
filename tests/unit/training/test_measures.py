"""Measures, thresholds and drift against values that can be checked by hand."""

from __future__ import annotations

import io
import json
import re
import tarfile
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from features.fraud import FRAUD
from training import calibration, drift
from training.drift import baseline, by_chance, growing, in_vectors, psi, report
from training.metrics import card_precision, expected_calibration_error, ks, measures, recall_at
from training.policy import Costs, InvalidCosts, solve

Y = np.array([0, 0, 1, 1])
P = np.array([0.1, 0.4, 0.35, 0.8])


def test_measures_by_hand():
    found = measures(Y, P)

    assert found["auc"] == 0.75  # three of four pairs in order
    assert found["ap"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["ks"] == 0.5
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert (found["base_rate"], found["rows"]) == (0.5, 4)


def test_a_perfect_score_has_perfect_measures():
    found = measures(Y, Y.astype(float))

    assert (found["auc"], found["ap"], found["ks"], found["brier"], found["ece"]) == (1, 1, 1, 0, 0)


def test_a_score_that_says_the_base_rate_is_calibrated_and_separates_nothing():
    y = np.array([0, 1] * 50)
    p = np.full(100, 0.5)

    assert expected_calibration_error(y, p) == 0
    assert ks(y, p) == 0


def test_the_calibration_error_is_the_mean_gap():
    assert expected_calibration_error(np.zeros(100), np.full(100, 0.3)) == pytest.approx(0.3)


def test_recall_at_a_false_positive_rate_by_hand():
    y = np.array([1, 0, 1, 0, 0, 0, 1])
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.1])

    assert recall_at(y, p, 0.0) == pytest.approx(1 / 3)
    assert recall_at(y, p, 0.25) == pytest.approx(2 / 3)
    assert recall_at(y, p, 0.24) == pytest.approx(1 / 3)
    assert recall_at(y, p, 1.0) == 1


def test_card_precision_by_hand():
    """Two cards a day are looked at. Day 1: a (fraud) and b are the highest; day 2: a was found, so c and d are."""
    day = np.array([1, 1, 1, 1, 2, 2, 2, 2])
    card = np.array(list("aabc") + list("acde"))
    y = np.array([0, 1, 0, 1, 1, 1, 1, 1])
    p = np.array([0.2, 0.9, 0.8, 0.1, 0.99, 0.5, 0.4, 0.3])

    assert card_precision(day, card, y, p, looked_at=2) == (1 / 2 + 2 / 2) / 2


def test_a_card_is_a_hit_when_any_payment_of_its_day_was_fraud_whatever_that_payment_scored():
    day, card = np.array([1, 1]), np.array(["a", "a"])

    assert card_precision(day, card, np.array([1, 0]), np.array([0.1, 0.9]), looked_at=1) == 1


def test_calibration_finds_the_odds_that_outcomes_follow():
    rng = np.random.default_rng(0)
    margins = rng.normal(0, 2, 200_000)
    y = (rng.random(200_000) < 1 / (1 + np.exp(-(0.5 * margins - 3)))).astype(int)
    found = calibration.fit(margins, y)

    assert (found.slope, found.intercept) == (pytest.approx(0.5, abs=0.02), pytest.approx(-3, abs=0.05))
    assert found.probabilities(margins).mean() == pytest.approx(y.mean(), abs=1e-3)


def test_calibration_keeps_the_order_even_of_a_score_that_is_the_wrong_way_round():
    margins = np.linspace(-4, 4, 1000)
    y = (margins < 0).astype(int)
    p = calibration.fit(margins, y).probabilities(margins)

    assert (np.diff(p) > 0).all()
    assert p.mean() == pytest.approx(0.5, abs=0.01)


def test_calibration_of_one_class_alone_is_finite_and_never_certain():
    found = calibration.fit(np.linspace(-1, 1, 50), np.zeros(50, int))

    assert found.probabilities(np.array([0.0]))[0] == pytest.approx(1 / 52, rel=0.5)


def held_out(size: int = 4000, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = (rng.random(size) < 0.02).astype(int)
    p = np.clip(rng.beta(1, 20, size) + y * rng.beta(4, 3, size), 0, 0.999)
    return y, p, rng.lognormal(4, 1, size)


def cost_of(y, p, amount, costs: Costs, review_at: float, block_at: float) -> float:
    cost = 0.0
    for is_fraud, score, money in zip(y, p, amount, strict=True):
        if score >= block_at:
            cost += 0 if is_fraud else costs.blocked_good
        elif score >= review_at:
            cost += costs.review + (1 - costs.review_recall) * costs.lost_share * money * is_fraud
        else:
            cost += costs.lost_share * money * is_fraud
    return 1000 * cost / len(y)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("costs", [Costs(), Costs(capacity=0), Costs(review=1e6), Costs(blocked_good=1e6)])
def test_thresholds_keep_to_capacity_cost_what_they_say_and_beat_doing_nothing(seed, costs):
    y, p, amount = held_out(seed=seed)
    found = solve(y, p, amount, costs)

    reviewed = ((p >= found["review_at"]) & (p < found["block_at"])).mean()
    assert reviewed <= costs.capacity
    assert found["expected_cost_per_1000"] == pytest.approx(
        cost_of(y, p, amount, costs, found["review_at"], found["block_at"])
    )
    assert found["expected_cost_per_1000"] <= found["cost_without_model_per_1000"]
    assert 0 <= found["review_at"] <= found["block_at"] <= 1


def test_no_other_pair_of_candidates_is_cheaper():
    y, p, amount = held_out(size=500)
    costs = Costs(capacity=0.05)
    found = solve(y, p, amount, costs)
    candidates = [*np.quantile(p, 1 - np.geomspace(1e-4, 0.1, 40)), 1.0]

    cheapest = min(
        cost_of(y, p, amount, costs, r, b)
        for r, b in product(candidates[::4], candidates[::4])
        if r <= b and ((p >= r) & (p < b)).mean() <= costs.capacity
    )
    assert found["expected_cost_per_1000"] <= cheapest + 1e-9


def test_costs_that_are_not_named_keep_their_default():
    assert Costs.parse('{"review": 6, "capacity": 0.02}') == Costs(review=6.0, capacity=0.02)
    assert Costs.parse("{}") == Costs()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("review=6", "expected a JSON object with some of blocked_good, review"),
        ("[6]", "expected a JSON object"),
        ('{"reviews": 6}', "expected a JSON object with some of"),
        ('{"review": "6"}', "expected review to be a number, got '6'"),
        ('{"review": true}', "expected review to be a number"),
        ('{"review": -1}', "expected review from 0 to 1e+12, got -1"),
        ('{"review": NaN}', "expected review from 0 to 1e+12, got nan"),
        ('{"review": 1' + "0" * 400 + "}", "expected review from 0 to 1e+12"),
        ('{"capacity": 1.5}', "expected capacity from 0 to 1, got 1.5"),
    ],
)
def test_costs_that_make_no_sense_are_refused_with_what_was_expected(text, said):
    with pytest.raises(InvalidCosts, match=re.escape(said)):
        Costs.parse(text)


def test_dearer_reviews_are_fewer():
    y, p, amount = held_out(size=2000)
    reviewed = []
    for review in (1.0, 20.0):
        found = solve(y, p, amount, Costs(review=review, capacity=0.2))
        reviewed.append(((p >= found["review_at"]) & (p < found["block_at"])).sum())

    assert reviewed[0] > reviewed[1]


def test_scores_that_know_nothing_of_fraud_block_nobody():
    found = solve(np.zeros(1000, int), np.linspace(0, 0.9, 1000), np.full(1000, 50.0), Costs())

    assert (found["review_at"], found["block_at"]) == (1.0, 1.0)
    assert found["expected_cost_per_1000"] == 0


def table(size: int = 5000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    columns = [
        rng.normal(size=size),
        rng.integers(0, 4, size).astype(float),
        rng.choice([1 / 3, 0.7, 0.1, 2 / 7], size),
    ]
    columns.append(np.where(rng.random(size) < 0.3, np.nan, rng.lognormal(size=size)))
    return np.column_stack(columns)


NAMES = ("normal", "count", "rate", "gaps")


def known(matrix: np.ndarray, unwatched=()) -> dict:
    """As training makes it: from the learner's matrix, in single precision."""
    return baseline(NAMES, matrix.astype(np.float32), matrix[:, 0], unwatched)


def test_the_same_rows_have_not_drifted_though_they_come_in_double_precision():
    found = report(known(table()), table(), table()[:, 0])

    assert found["rows"] == 5000
    assert found["score"] == pytest.approx(0)
    assert found["features"] == pytest.approx(dict.fromkeys(NAMES, 0.0))


def test_other_rows_of_the_same_kind_are_stable():
    found = report(known(table()), table(seed=1), table(seed=1)[:, 0])

    assert max(found["features"].values()) < 0.1


@pytest.mark.parametrize("position", range(4))
def test_a_shifted_column_stands_out(position):
    shifted = table(seed=1)
    shifted[:, position] += 1.5
    found = report(known(table()), shifted, shifted[:, 0])

    assert found["features"][NAMES[position]] > 0.25
    assert found["worst"] == NAMES[position]
    assert all(value < 0.1 for name, value in found["features"].items() if name != NAMES[position])


def test_values_that_go_missing_are_drift():
    gone = table(seed=1)
    gone[:2500, 0] = np.nan

    assert report(known(table()), gone, table()[:, 0])["features"]["normal"] > 0.25


def test_an_unwatched_column_is_not_reported_and_the_others_keep_their_places():
    shifted = table(seed=1)
    shifted[:, 0] += 9
    found = report(known(table(), unwatched=("normal",)), shifted, table()[:, 0])

    assert set(found["features"]) == {"count", "rate", "gaps"}
    assert max(found["features"].values()) < 0.1


def test_psi_by_hand_and_finite_for_an_empty_bin():
    assert psi([0.5, 0.5], [0.25, 0.75]) == pytest.approx(-0.25 * np.log(0.5) + 0.25 * np.log(1.5))
    assert np.isfinite(psi([1.0, 0.0], [0.0, 1.0]))


def customers_of(count: int, each: int, seed: int, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, int]:
    """Payments of customers who have their own means, with eight columns of which four are the customer's alone."""
    rng = np.random.default_rng(seed)
    whose = np.repeat(np.arange(count), each)
    theirs = rng.lognormal(size=(count, 4))[whose]
    own = np.column_stack([rng.normal(size=len(whose)), rng.exponential(size=len(whose)), *rng.random((2, len(whose)))])
    own[rng.random(len(whose)) < 0.2, 1] = np.nan
    matrix = np.column_stack([theirs, own])
    matrix[:, 4] += shift
    return matrix, 1 / (1 + np.exp(2 - matrix[:, 4] - np.log(theirs[:, 0]))), count


EIGHT = tuple("abcdefgh")


@pytest.mark.parametrize(("count", "each"), [(20, 3), (40, 10), (150, 4), (1000, 5)])
def test_fifty_days_on_which_nothing_has_changed_raise_no_alarm_however_few_customers_paid(count, each):
    learnt = baseline(EIGHT, *customers_of(2000, 5, 1)[:2], ())
    drifted = [report(learnt, *customers_of(count, each, 100 + seed))["drifted"] for seed in range(50)]
    assert drifted == [[]] * 50


def test_without_a_test_against_chance_days_of_few_customers_would_ring():
    learnt = baseline(EIGHT, *customers_of(2000, 5, 1)[:2], ())
    worst = [max(report(learnt, *customers_of(20, 3, 100 + seed))["features"].values()) for seed in range(50)]
    assert min(worst) > 0.25


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("episode", ["unit", "gone", "shift", "score"])
def test_each_kind_of_change_is_found_on_its_first_day(episode, seed):
    learnt = baseline(EIGHT, *customers_of(2000, 5, 1)[:2], ())
    matrix, scores, customers = customers_of(300, 5, seed + 10, shift=1.0 if episode == "shift" else 0.0)
    if episode == "unit":
        matrix[:, 2] *= 100
    if episode == "gone":
        matrix[:, 7] = np.nan
    if episode == "score":
        scores = np.sqrt(scores)
    expected = {"unit": "c", "gone": "h", "shift": "e", "score": "score"}[episode]
    assert expected in report(learnt, matrix, scores, customers)["drifted"]


def test_what_the_policy_bears_is_no_drift_however_sure_it_is():
    learnt = baseline(EIGHT, *customers_of(2000, 5, 1)[:2], ())
    slight = customers_of(5000, 5, 2, shift=0.3)
    found = report(learnt, *slight)
    assert found["by_chance"]["e"] < 1e-6
    assert found["drifted"] == []
    assert "e" in report(learnt, *slight, beyond=0.05)["drifted"]


def test_the_probability_of_counts_by_hand():
    """A four-fold table: 60 of 100 against 40 of 100 has a chi-square of 8 with one degree of freedom."""
    assert by_chance([0.6, 0.4], [0.4, 0.6], 100, 100) == pytest.approx(0.004678, abs=1e-6)
    assert by_chance([1.0, 0.0], [1.0, 0.0], 100, 100) == 1
    assert by_chance([0.99, 0.01, 0.0], [0.97, 0.0, 0.03], 100, 100) > 0.1  # a few in bins that were empty say little


def test_a_window_that_is_longer_than_the_history_still_fills_and_is_not_watched():
    names = ("amount", "account_count_365d", "customer_sum_30d", "merchant_share_21d_of_90d", "3d_secure")
    assert growing(names, 60) == ("account_count_365d", "merchant_share_21d_of_90d")
    assert growing(names, 365) == ()


def test_a_model_that_learnt_fewer_columns_is_compared_by_names_and_not_by_places():
    """A column that was the same in every row is in the vectors and not in the model."""
    vectors = np.insert(table(seed=1), 1, 7.0, axis=1)
    named = ("normal", "constant", "count", "rate", "gaps")
    found = report(in_vectors(known(table()), named), vectors, vectors[:, 0])
    assert max(found["features"].values()) < 0.1
    assert set(in_vectors(known(table()), named[:3])["columns"]) == {"normal", "count"}


def test_the_job_compares_a_days_decisions_by_name_and_tells_how_many_columns_drifted(tmp_path, monkeypatch):
    monkeypatch.setattr(drift, "INPUT", tmp_path / "in")
    monkeypatch.setattr(drift, "OUTPUT", tmp_path / "out")
    told: list[dict] = []
    client = SimpleNamespace(put_metric_data=lambda **request: told.extend(request["MetricData"]))
    monkeypatch.setattr("boto3.client", lambda name: client)
    rng = np.random.default_rng(3)
    last = len(FRAUD.columns) - 1  # the model has learnt this column alone
    learnt = baseline((FRAUD.columns[last],), rng.normal(size=(5000, 1)), rng.random(5000), ())
    for name, content in {"in/model/model.tar.gz": learnt, "in/decisions/1.json": None}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        if content:
            body = json.dumps(content).encode()
            with tarfile.open(tmp_path / name, "w:gz") as archive:
                entry = tarfile.TarInfo("baseline.json")
                entry.size = len(body)
                archive.addfile(entry, io.BytesIO(body))
    lines = []
    for number, (value, score) in enumerate(zip(rng.normal(3, 1, 800), rng.random(800), strict=True)):
        vector = [0.0] * last + [float(value)]
        about = {"decided_at": number, "counted_at": 0, "overtaken": False, "feature_version": FRAUD.version}
        who = {"transaction_id": f"T{number}", "customer_id": f"C{number}"}
        lines.append({**about, **who, "vector": vector, "fraud_score": float(score)})
    lines.append({**lines[0], "transaction_id": "T-before", "feature_version": "of before"})
    (tmp_path / "in/decisions/1.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    drift.main(["--namespace", "Risk"])

    found = json.loads((tmp_path / "out/drift/drift.json").read_text())
    assert (found["rows"], found["drifted"]) == (800, [FRAUD.columns[last]])
    (drifted,) = [metric for metric in told if metric["MetricName"] == "Drifted"]
    assert (drifted["Value"], drifted["Dimensions"]) == (1, [{"Name": "problem", "Value": "fraud"}])
