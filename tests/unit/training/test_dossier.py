"""A dossier passes a model that holds, and names what fails in one that does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from training.dossier import Scored, asked, document, judged, learnt_by_heart, page, resilient, saved, worth

SIZE = 4000


def scored(seed: int, stretch: float = 1.0, shift: float = 0.0) -> Scored:
    """Outcomes that follow two numbers and no third; the score says so, stretched and moved."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(SIZE, 3)).astype(np.float32)
    odds = matrix[:, 0] + 0.5 * matrix[:, 1] - 1.5
    y = (rng.random(SIZE) < 1 / (1 + np.exp(-odds))).astype(int)
    return Scored(y, np.arange(SIZE), matrix, 1 / (1 + np.exp(-(stretch * odds + shift))))


def says(matrix: np.ndarray) -> np.ndarray:
    known = np.nan_to_num(matrix)
    return 1 / (1 + np.exp(-(known[:, 0] + 0.5 * known[:, 1] - 1.5)))


def found(validation: Scored, test: Scored, again=None) -> dict:
    again = again or (lambda change, rows: says(change(test.matrix[rows])))
    return {a.name: a for a in asked(validation, test, ["income", "debt", "noise"], [0, 1, 2], again, 0)}


def test_a_model_that_says_the_truth_passes_and_its_most_important_column_is_told():
    answers = found(scored(0), scored(1))

    assert judged(list(answers.values())) == "pass", [a for a in answers.values() if a.verdict == "fail"]
    assert answers["AUC"].low < answers["AUC"].value < answers["AUC"].high
    assert answers["AUC lost without the most important column"].detail.startswith("income")


@pytest.mark.parametrize(
    ("test", "failed"),
    [
        (scored(1, stretch=3), {"calibration slope", "expected calibration error"}),
        (scored(1, shift=1), {"calibration in the large", "expected calibration error"}),
        (scored(1, stretch=-1), {"AUC", "tenths of the score in the order of their rates", "weakest segment, AUC"}),
    ],
    ids=["too sure", "too dark", "wrong way round"],
)
def test_what_is_wrong_with_a_model_fails_by_name(test, failed):
    assert failed <= {a.name for a in found(scored(0), test).values() if a.verdict == "fail"}


def test_a_model_that_is_good_in_all_but_one_part_has_a_weak_spot_by_name():
    test = scored(1)
    low = test.matrix[:, 2] < -0.7
    odds = np.log(test.p / (1 - test.p))
    p = np.where(low, 1 / (1 + np.exp(odds)), test.p)
    answer = found(scored(0), Scored(test.y, test.customers, test.matrix, p))["weakest segment, AUC"]

    assert answer.verdict == "fail"
    assert answer.detail.startswith("noise, quarter 1")


def test_a_column_that_moved_between_the_parts_is_warned_of_and_a_score_that_noise_breaks_fails():
    test = scored(1)
    moved = test.matrix + np.array([0, 0, 2], np.float32)
    answers = found(scored(0), Scored(test.y, test.customers, moved, test.p))
    assert answers["characteristic stability, worst column"].verdict == "warn"
    assert answers["characteristic stability, worst column"].detail.startswith("noise ")

    brittle = found(scored(0), test, lambda change, rows: np.random.default_rng(3).random(len(rows)))
    (noise,) = [a for name, a in brittle.items() if name.startswith("AUC lost by noise")]
    assert noise.verdict == "fail"


def test_the_hash_is_of_the_content_and_the_page_holds_every_test_and_asks_nothing_of_a_network():
    answers = list(found(scored(0), scored(1)).values())
    said = document({"problem": "credit", "learner": "<b>"}, answers)

    assert said == document({"learner": "<b>", "problem": "credit"}, answers)
    assert said["sha256"] != document({"problem": "credit", "learner": "x"}, answers)["sha256"]
    text = page(json.loads(json.dumps(said, allow_nan=False)))
    assert all(a.name in text for a in answers)
    assert "<b>" not in text
    assert "http" not in text


def test_a_score_that_turns_round_among_rows_that_lie_far_out_is_warned_of():
    test = scored(1)
    far = np.argsort(-(test.matrix**2).mean(axis=1))[: SIZE // 4]
    p = test.p.copy()
    p[far] = 1 - p[far]
    turned = Scored(test.y, test.customers, test.matrix, p)

    assert resilient(test, [0, 1, 2]).verdict == "pass"
    assert resilient(turned, [0, 1, 2]).verdict == "warn"
    constant = Scored(test.y, test.customers, np.ones_like(test.matrix), test.p)
    assert resilient(constant, [0, 1, 2]).value is None


def test_money_that_is_expected_to_default_is_held_against_what_did():
    test = scored(1)
    amount = np.full(SIZE, 1000.0)
    amount[:100] = np.nan

    assert worth(test.y, test.p, amount, test.customers, 0).verdict == "pass"
    doubled = worth(test.y, np.minimum(2 * test.p, 1), amount, test.customers, 0)
    assert (doubled.verdict, doubled.low < doubled.value < doubled.high) == ("warn", True)
    assert worth(np.zeros(SIZE), test.p, amount, test.customers, 0).value is None


def test_a_policy_that_costs_more_than_none_and_a_model_that_knows_its_rows_by_heart_are_warned_of():
    assert [saved(5.0, 10.0).verdict, saved(12.0, 10.0).verdict, saved(0.0, 0.0).verdict] == ["pass", "warn", "told"]
    assert [learnt_by_heart(0.85, 0.8).verdict, learnt_by_heart(0.95, 0.8).verdict] == ["pass", "warn"]
