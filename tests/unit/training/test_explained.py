"""What a dossier says of columns: weights of evidence, information value and what the score rests on."""

from __future__ import annotations

import numpy as np
import pytest

from training.explained import importance, weight_of_evidence


def test_weights_of_evidence_are_the_logarithms_of_the_shares_and_their_sum_is_the_information_value():
    x = np.array([0.0] * 40 + [1.0] * 60)
    y = np.array([1] * 30 + [0] * 10 + [1] * 10 + [0] * 50)
    found = weight_of_evidence(y, x, ["a", "b"])

    good, bad = (10.5 / 60.5, 50.5 / 60.5), (30.5 / 40.5, 10.5 / 40.5)
    weights = [float(np.log(g / b)) for g, b in zip(good, bad, strict=True)]
    assert [(b["bin"], b["rows"], b["bad"]) for b in found["bins"]] == [("a", 40, 30), ("b", 60, 10)]
    assert [b["weight_of_evidence"] for b in found["bins"]] == pytest.approx(weights)
    assert found["information_value"] == pytest.approx(
        sum((g - b) * w for g, b, w in zip(good, bad, weights, strict=True))
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_row_stands_in_one_bin_whatever_the_column_holds(seed):
    rng = np.random.default_rng(seed)
    kind = seed % 4
    x = [rng.normal(size=300), rng.integers(0, 3, 300) * 1.0, np.full(300, 7.0), np.full(300, np.nan)][kind]
    x[rng.random(300) < 0.2] = np.nan
    y = (rng.random(300) < 0.3).astype(int)
    for categories in (None, [f"k{n}" for n in range(3)]):
        if categories and kind == 0:
            continue
        found = weight_of_evidence(y, x, categories)
        assert sum(b["rows"] for b in found["bins"]) == 300
        assert sum(b["bad"] for b in found["bins"]) == y.sum()
        assert found["information_value"] >= 0
        assert all(np.isfinite(b["weight_of_evidence"]) for b in found["bins"])


def test_rare_categories_stand_together():
    x = np.concatenate([np.repeat(np.arange(20.0), 10), np.arange(20.0, 60.0), [np.nan]])
    found = weight_of_evidence(np.arange(len(x)) % 2, x, [f"k{n}" for n in range(60)])

    assert [(b["bin"], b["rows"]) for b in found["bins"]][-2:] == [("others", 40), ("missing", 1)]
    assert len(found["bins"]) == 22


def test_columns_are_ordered_by_the_mean_size_of_what_they_add():
    found = importance(np.array([[1.0, -3.0, 0.0], [-1.0, 3.0, 0.0]]), ["income", "debt", "noise"])

    assert [(c["column"], c["log_odds"], c["share"]) for c in found] == [
        ("debt", 3.0, 0.75),
        ("income", 1.0, 0.25),
        ("noise", 0.0, 0.0),
    ]
    assert importance(np.zeros((2, 1)), ["a"])[0]["share"] == 0
