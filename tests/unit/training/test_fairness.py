"""What a report on fairness says of groups that are treated alike, and of those that are not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from training.fairness import OTHERS, Policy, WrongPolicy, grouped_by, report

SIZE = 4000
USUAL = Policy()


def population(shift: float = 0.0, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Loans of two groups; `shift` is added to the score of one of them, in log-odds, without a reason."""
    rng = np.random.default_rng(seed)
    group, x = rng.choice(["a", "b"], SIZE), rng.normal(size=SIZE)
    y = (rng.random(SIZE) < 1 / (1 + np.exp(-(x - 1.5)))).astype(int)
    p = 1 / (1 + np.exp(-(x - 1.5 + shift * (group == "b"))))
    rows = pd.DataFrame({"label": y, "customer_id": [f"c{i}" for i in range(SIZE)], "protected_group": group})
    return rows, p, np.column_stack([x, rng.normal(size=SIZE)]).astype(np.float32)


def found(rows, p, matrix, policy=USUAL) -> dict:
    return report(rows, p, matrix, ("income", "noise"), ["protected_group"], policy)


def test_groups_that_are_treated_alike_are_within_policy_and_their_ratios_include_one():
    said = found(*population())
    at = said["columns"]["protected_group"]["groups"]["b"]["at"]

    assert (said["verdict"], said["breaches"]) == ("within policy", [])
    assert [c["approved"] for c in said["cutoffs"]] == [0.6, 0.8]
    assert all(one["ratio"]["low"] <= one["ratio"]["value"] <= one["ratio"]["high"] for one in at)
    assert at[0]["approved"]["value"] == pytest.approx(0.6, abs=0.03)
    assert said["columns"]["protected_group"]["proxies"]["b"]["auc"] == pytest.approx(0.5, abs=0.05)


def test_a_group_whose_score_is_raised_without_a_reason_breaches_ratio_errors_and_calibration():
    said = found(*population(shift=1.0))

    assert said["verdict"] == "breach"
    breached = {(b["group"], b["of"]) for b in said["breaches"]}
    assert {("b", "ratio"), ("b", "good_declined"), ("b", "calibration_gap")} <= breached
    assert not any(group == "a" and of in ("ratio", "good_declined") for group, of in breached)


def test_a_column_that_gives_the_group_away_is_named():
    rows, p, matrix = population()
    matrix[:, 1] += 3 * (rows["protected_group"] == "b")
    proxy = found(rows, p, matrix)["columns"]["protected_group"]["proxies"]["b"]

    assert proxy["auc"] > 0.9
    assert proxy["columns"][0]["name"] == "noise"


def test_nothing_is_said_of_a_group_with_too_few_rows():
    rows, p, matrix = population(shift=2.0)
    keep = np.flatnonzero((rows["protected_group"] == "a") | (np.arange(SIZE) < 20))
    said = found(rows.iloc[keep], p[keep], matrix[keep])

    group = said["columns"]["protected_group"]["groups"][OTHERS]
    assert not group["enough"]
    assert group["rows"] < 30
    assert not [b for b in said["breaches"] if b["of"] != "calibration_gap" and b["group"] == OTHERS]


def test_ages_are_told_in_quarters_and_missing_cells_are_a_group():
    ages = pd.Series([*range(20, 60), None] * 40)

    assert set(grouped_by(ages, 30)) == {"up to 29.75", "29.75 to 39.5", "39.5 to 49.25", "above 49.25", "missing"}


def test_where_no_column_is_protected_the_report_says_so_and_is_json():
    rows, p, matrix = population()
    said = report(rows, p, matrix, ("income", "noise"), [], USUAL)

    assert said["verdict"] == "no protected column"
    json.dumps(said, allow_nan=False)


def test_a_policy_is_what_differs_from_the_usual_and_a_wrong_one_is_refused():
    assert Policy.parse('{"approved_shares": [0.5], "least_ratio": 0.9}') == Policy((0.5,), 0.9)
    for wrong in (
        "[]",
        "x",
        '{"ratio": 1}',
        '{"least_ratio": 2}',
        '{"approved_shares": []}',
        '{"fewest": 0}',
        '{"least_ratio": true}',
    ):
        with pytest.raises(WrongPolicy, match="fairness: expected"):
            Policy.parse(wrong)
