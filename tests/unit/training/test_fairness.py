"""What a report on fairness says of groups that are treated alike, and of those that are not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    count,
    false_negative_rate,
    mean_prediction,
    selection_rate,
    true_positive_rate,
)

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


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_figures_of_a_group_are_those_of_fairlearns_metric_frame(shift):
    """Approval is fairlearn's selection and a repaid loan its positive: then declined good loans are false negatives,
    and bad ones that are declined are the true positives of the opposite question."""
    rows, p, matrix = population(shift=shift)
    said, groups = found(rows, p, matrix), rows["protected_group"]
    good = 1 - rows["label"]

    for place, cutoff in enumerate(said["cutoffs"]):
        approved = (p <= cutoff["below"]).astype(int)
        measured = {"rows": count, "approved": selection_rate, "good_declined": false_negative_rate}
        frame = MetricFrame(metrics=measured, y_true=good, y_pred=approved, sensitive_features=groups)
        bad = MetricFrame(metrics=true_positive_rate, y_true=1 - good, y_pred=1 - approved, sensitive_features=groups)
        for group, one in said["columns"]["protected_group"]["groups"].items():
            theirs, at = frame.by_group.loc[group], one["at"][place]
            assert one["rows"] == theirs["rows"]
            for name in ("approved", "good_declined"):
                assert at[name]["value"] == pytest.approx(theirs[name])
            assert at["bad_declined"]["value"] == pytest.approx(bad.by_group[group])
        ratios = [one["at"][place]["ratio"]["value"] for one in said["columns"]["protected_group"]["groups"].values()]
        assert min(ratios) == pytest.approx(frame.ratio()["approved"])

    predicted = MetricFrame(metrics=mean_prediction, y_true=good, y_pred=p, sensitive_features=groups).by_group
    for group, one in said["columns"]["protected_group"]["groups"].items():
        assert one["predicted"]["value"] == pytest.approx(predicted[group])


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
