"""Java machines start with the archive of classes that set-up leaves."""

from __future__ import annotations

from local.spark_classes import options


def test_a_java_machine_uses_the_archive_that_is_there_and_does_without_one_that_is_not(tmp_path):
    archive = tmp_path / "spark-classes.jsa"
    assert "SharedArchiveFile" not in options(archive)

    archive.write_bytes(b"classes")

    assert f"-XX:SharedArchiveFile={archive}" in options(archive)
