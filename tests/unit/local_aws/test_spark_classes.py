"""The first Spark job leaves its classes, later ones start with them."""

from __future__ import annotations

import pytest

from local.spark_classes import keep, options


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "share" / "spark-classes.jsa"


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_the_first_run_leaves_an_archive_that_the_next_one_uses(run, archive):
    told = options(run, archive)
    assert f"ArchiveClassesAtExit={run}/spark-classes.jsa" in told

    (run / "spark-classes.jsa").write_bytes(b"classes")
    keep(run, archive)

    assert archive.read_bytes() == b"classes"
    assert list(archive.parent.iterdir()) == [archive], "no half-written one beside it"
    assert f"SharedArchiveFile={archive}" in options(run, archive)


def test_a_run_that_left_none_changes_nothing_and_one_that_is_there_stays(run, archive):
    keep(run, archive)
    assert not archive.exists()

    archive.parent.mkdir()
    archive.write_bytes(b"in use")
    (run / "spark-classes.jsa").write_bytes(b"another")
    keep(run, archive)
    assert archive.read_bytes() == b"in use"
