"""Glue jobs bring their packages along: one archive for each lock, fetched once."""

from __future__ import annotations

import io
import zipfile

import pytest

from tools import wheels
from tools.wheels import LOCK, ROOT, CannotFetch, bundled, fetch, gluewheels, pins

LOCKED = "one-two==1.0 \\\n    --hash=sha256:00\n    # via\n    #   three\nthree==2.1 \\\n    --hash=sha256:11\n"


@pytest.fixture
def fetched(monkeypatch):
    """What was fetched instead: a wheel for each pin."""
    asked = []

    def stand_in(lock, folder):
        asked.append(lock.read_text())
        for name, version in pins(lock.read_text()).items():
            (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(name.encode())

    monkeypatch.setattr(wheels, "fetch", stand_in)
    return asked


def test_the_archive_lists_and_holds_every_package_as_glue_wants_it_and_the_same_wheels_give_the_same_bytes():
    archive = bundled({"b": "2", "a": "1"}, {"a-1-py3-none-any.whl": b"A", "b-2-py3-none-any.whl": b"B"})

    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        assert read.read("wheels/requirements.txt") == b"a==1\nb==2\n"
        assert read.read("wheels/b-2-py3-none-any.whl") == b"B"
    assert archive == bundled({"a": "1", "b": "2"}, {"b-2-py3-none-any.whl": b"B", "a-1-py3-none-any.whl": b"A"})


def test_wheels_are_fetched_once_for_each_lock_and_those_of_an_older_one_are_not_kept(tmp_path, fetched):
    lock, kept = tmp_path / "glue.txt", tmp_path / "kept"
    lock.write_text(LOCKED)
    assert gluewheels(lock, kept) == gluewheels(lock, kept)
    assert fetched == [LOCKED]

    lock.write_text(LOCKED.replace("2.1", "2.2"))
    with zipfile.ZipFile(io.BytesIO(gluewheels(lock, kept))) as read:
        assert "wheels/three-2.2-py3-none-any.whl" in read.namelist()
    assert len(fetched) == 2
    assert len(list(kept.iterdir())) == 1


def test_a_package_that_is_not_the_locked_one_is_not_taken(tmp_path):
    lock = tmp_path / "glue.txt"
    lock.write_text(f"six==1.17.0 \\\n    --hash=sha256:{'0' * 64}\n")

    with pytest.raises(CannotFetch, match="HASHES"):
        fetch(lock, tmp_path)


def test_a_package_without_a_hash_is_not_taken(tmp_path):
    lock = tmp_path / "glue.txt"
    lock.write_text("six==1.17.0\n")

    with pytest.raises(CannotFetch, match="Hashes are required"):
        fetch(lock, tmp_path)


def test_glue_jobs_bring_the_versions_that_they_are_tested_with():
    here, brought = pins((ROOT / "requirements" / "dev.txt").read_text()), pins(LOCK.read_text())

    assert {"great-expectations", "boto3", "botocore", "numpy", "pandas", "pyarrow"} <= set(brought)
    assert {name: version for name, version in brought.items() if here.get(name) != version} == {}
