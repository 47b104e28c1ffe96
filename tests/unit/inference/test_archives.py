"""An archive that cannot serve says so before it is asked."""

from __future__ import annotations

import io
import tarfile

import pytest

from features.encoding import InvalidRow
from inference.archive import UnsafeArchive, unpack
from inference.calibration import Calibration
from inference.model import BrokenArchive, Model, OtherFeatures
from tests.unit.inference.archives import ENCODING, trained, written
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

    with pytest.raises(
        BrokenArchive, match="expected learner xgboost, catboost, logistic, scorecard, blend or constant, got 'oracle'"
    ):
        Model(written(tmp_path, learner="oracle", file="model.bin"))


def test_rows_are_held_to_the_manifests_columns(tmp_path):
    model = Model(written(tmp_path))

    assert model.score([[1, "car"], [None, "boat"]]) == [0.25, 0.25]
    assert model.score([]) == []
    with pytest.raises(InvalidRow):
        model.score([[1]])


def test_a_model_refuses_vectors_of_other_features(tmp_path):
    model = Model(written(tmp_path))

    assert model.places("abc") is None
    with pytest.raises(OtherFeatures, match="trained on features abc, the request has xyz"):
        model.places("xyz")
    with pytest.raises(OtherFeatures, match="trained on features abc, the request has xyz"):
        model.places("xyz", "11111111 22222222")


def test_a_model_takes_what_it_was_trained_on_from_vectors_that_hold_more_in_any_order(tmp_path):
    names = ENCODING.names
    model = Model(written(tmp_path, fingerprints={names[0]: "11111111"}))

    assert model.places("abc") is None
    assert model.places("abc", f"11111111 {names[1]}") is None
    assert model.places("abc", f"33333333 {names[1]} 22222222 11111111") == (3, 1), (
        "a column that was the same in all rows"
    )
    assert model.places("xyz", f"33333333 {names[1]} 22222222 11111111") == (3, 1)


def test_a_feature_that_is_gone_or_is_computed_otherwise_is_named(tmp_path):
    names = ENCODING.names
    model = Model(written(tmp_path, fingerprints={names[0]: "11111111", names[1]: "22222222"}))

    with pytest.raises(OtherFeatures, match=f"trained on {names[1]}, which features xyz of the request"):
        model.places("xyz", "11111111 33333333")


@pytest.mark.parametrize("wrong", [[], "text", {"income": 1}])
def test_fingerprints_that_are_no_texts_break_an_archive(tmp_path, wrong):
    with pytest.raises(BrokenArchive, match="fingerprints: expected a text by feature"):
        Model(written(tmp_path, fingerprints=wrong))


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

    assert model.places("any", "thing") == ()
    assert model.score([[], []]) == [BOOTSTRAP_BASE_RATE] * 2


@pytest.mark.parametrize("name", ["../model.json", "/etc/passwd", "a/b", "", ".."])
def test_a_manifest_that_names_a_file_elsewhere_is_broken(tmp_path, name):
    with pytest.raises(BrokenArchive, match="expected the name of a file beside it"):
        Model(written(tmp_path, learner="xgboost", file=name))


def test_a_link_is_no_model_file(tmp_path):
    (tmp_path / "real").write_text("{}")
    folder = written(tmp_path / "archive", learner="xgboost", file="model.json")
    (folder / "model.json").symlink_to(tmp_path / "real")

    with pytest.raises(BrokenArchive, match="is missing"):
        Model(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "5", '{"name": "x"}'])
def test_a_manifest_that_is_none_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(BrokenArchive, match=r"manifest\.json (is not the JSON object|does not say)"):
        Model(tmp_path)


@pytest.mark.parametrize("wrong", [{"slope": -1, "intercept": 0}, {"slope": 1}, {"slope": "x", "intercept": 0}, 5])
def test_a_calibration_that_would_turn_the_order_round_or_is_none_is_broken(tmp_path, wrong):
    with pytest.raises(BrokenArchive, match="calibration"):
        Model(written(tmp_path, calibration=wrong))


def test_an_unknown_runtime_is_broken(tmp_path):
    with pytest.raises(BrokenArchive, match="expected runtime onnx or native, got 'steam'"):
        Model(written(tmp_path, learner="xgboost", runtime="steam"))


def test_a_calibrated_score_is_what_the_two_numbers_say_and_finite_at_the_ends():
    found = Calibration(2.0, -1.0)

    assert found.probability(0.5) == 0.5
    assert found.probability(0.0) == pytest.approx(0.2689414)
    assert 0 <= found.probability(-1e30) < found.probability(-3) < found.probability(3) <= found.probability(1e30) <= 1


def tarred(*members: tarfile.TarInfo) -> tarfile.TarFile:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(min(member.size, 100))) if member.size else None)
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def member(name: str, **changes) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(found, key, value)
    return found


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside"),
        member("/outside"),
        member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("pipe", type=tarfile.FIFOTYPE),
    ],
    ids=lambda m: m.name,
)
def test_an_archive_that_would_write_elsewhere_or_holds_more_than_files_is_refused_before_anything_is_written(
    tmp_path, bad
):
    with tarred(member("good", size=3), bad) as archive, pytest.raises(UnsafeArchive):
        unpack(archive, tmp_path / "opened")

    assert not (tmp_path / "opened").exists()
    assert not (tmp_path / "outside").exists()


def test_what_explains_is_opened_before_the_first_question(tmp_path, monkeypatch):
    model = Model(trained(tmp_path / "model"))
    model.get_ready_to_explain()

    monkeypatch.setattr("inference.model.open_library", None)
    assert model.reasons([[10, "house"]])[0]
