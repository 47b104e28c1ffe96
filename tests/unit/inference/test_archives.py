"""An archive that cannot serve says so before it is asked."""

from __future__ import annotations

import pytest

from features.encoding import InvalidRow
from features.fraud import FRAUD
from inference.model import BrokenArchive, Model, OtherFeatures
from tests.unit.inference.archives import trained, written
from tools.package import BOOTSTRAP_BASE_RATE, ROOT, bootstrap_model, files_below


def test_an_archive_without_a_manifest_is_broken(tmp_path):
    with pytest.raises(BrokenArchive, match=r"manifest\.json is missing"):
        Model(tmp_path)


@pytest.mark.parametrize("learner", ["xgboost", "catboost"])
def test_an_archive_without_its_model_file_is_broken(tmp_path, learner):
    with pytest.raises(BrokenArchive, match=r"model\.bin is missing"):
        Model(written(tmp_path, learner=learner, file="model.bin"))


def test_an_archive_of_an_unknown_learner_is_broken(tmp_path):
    (tmp_path / "model.bin").touch()

    with pytest.raises(BrokenArchive, match="expected learner xgboost, catboost or constant, got 'oracle'"):
        Model(written(tmp_path, learner="oracle", file="model.bin"))


def test_rows_are_held_to_the_manifests_columns(tmp_path):
    model = Model(written(tmp_path))

    assert model.score([[1, "car"], [None, "boat"]]) == [0.25, 0.25]
    assert model.score([]) == []
    with pytest.raises(InvalidRow):
        model.score([[1]])


def test_a_model_refuses_vectors_of_other_features(tmp_path):
    model = Model(written(tmp_path))
    model.require("abc")

    with pytest.raises(OtherFeatures, match="trained on features abc, the request has xyz"):
        model.require("xyz")


def test_a_row_is_scored_the_same_alone_and_among_others(tmp_path):
    model = Model(trained(tmp_path / "model"))
    rows = [[i * 3.7, ("car", "house", None)[i % 3]] for i in range(20)]

    assert model.score(rows) == [model.score([row])[0] for row in rows]


def test_the_bootstrap_model_gives_every_payment_the_base_rate(tmp_path):
    files = bootstrap_model(files_below(ROOT, "features"))
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    model = Model(tmp_path)

    model.require(FRAUD.version)
    assert model.score([[0.0] * len(FRAUD.columns), [None] * len(FRAUD.columns)]) == [BOOTSTRAP_BASE_RATE] * 2
