"""One vector, explained and tried with other values."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from console import what_if
from features.encoding import Column, Encoding
from features.fraud import FRAUD
from inference.model import Model
from tests.unit.inference.archives import written

AMOUNT, OTHER = FRAUD.columns[0], FRAUD.columns[3]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    """Riskier the more is paid; half of that whatever the other feature is."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 100, (400, 2)).astype(np.float32)
    y = (x[:, 0] > 50).astype(int)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(x, y), 10)
    folder = tmp_path_factory.mktemp("models") / "model"
    folder.mkdir()
    booster.save_model(folder / "model.json")
    encoding = Encoding((Column(AMOUNT), Column(OTHER)))
    meanings = dict(zip(FRAUD.columns, FRAUD.meanings.split(" "), strict=True))
    written(
        folder,
        learner="xgboost",
        file="model.json",
        columns=encoding.document(),
        feature_version=FRAUD.version,
        fingerprints={name: meanings[name] for name in (AMOUNT, OTHER)},
        calibration={"slope": 0.5, "intercept": 0.1},
    )
    return Model(folder)


def vector(amount: float | None) -> list[float | None]:
    return [amount, *[None] * (len(FRAUD.columns) - 1)]


def test_contributions_of_two_vectors_differ_by_what_their_log_odds_differ(model):
    low, high = (what_if.explained(model, vector(amount)) for amount in (10.0, 90.0))

    log_odds = [np.log(found.score / (1 - found.score)) for found in (low, high)]
    added = [sum(one for _, one in found.contributions) for found in (low, high)]
    assert added[1] - added[0] == pytest.approx(log_odds[1] - log_odds[0], abs=1e-4)


def test_the_most_telling_feature_comes_first(model):
    assert what_if.explained(model, vector(90.0)).contributions[0][0] == AMOUNT


def test_another_value_gives_the_score_that_a_payment_with_it_has(model):
    tried = what_if.with_values(vector(10.0), {AMOUNT: 90.0})

    assert what_if.explained(model, tried) == what_if.explained(model, vector(90.0))


def test_unknown_is_a_value_that_can_be_tried(model):
    assert what_if.with_values(vector(10.0), {AMOUNT: None}) == vector(None)
