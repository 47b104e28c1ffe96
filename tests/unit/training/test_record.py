"""Digests tell two trainings of the same from two of others."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from training import record


def packed(path: Path, files: dict[str, bytes], at: int = 0) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), at
            tar.addfile(member, io.BytesIO(content))
    return path


def rows(folder: Path, content: bytes) -> Path:
    folder.mkdir()
    (folder / "rows.parquet").write_bytes(content)
    (folder / "decided.json").write_bytes(b"{}")
    return folder


def test_the_same_training_has_the_same_record_whenever_it_ran_and_whatever_it_called_its_model(tmp_path):
    test = rows(tmp_path / "test", b"rows")
    files = {"code/a.py": b"a = 1", "manifest.json": b'{"name": "%s"}', "model.json": b"[1]"}

    def of(name: str, at: int, **changed: bytes) -> dict:
        content = {**files, **changed}
        named = {member: body.replace(b"%s", name.encode()) for member, body in content.items()}
        return record.of({"test": test}, packed(tmp_path / f"{name}.tar.gz", named, at), {name: "xgboost"})

    first = of("run-1", 1)
    assert first == of("run-2", 2)
    assert first["archive"].keys() == {"manifest.json", "model.json", "code"}
    for changed in ("code/a.py", "manifest.json", "model.json"):
        assert of("run-3", 3, **{changed: b"other"}) != first


def test_other_rows_have_another_record(tmp_path):
    archive = packed(tmp_path / "model.tar.gz", {"model.json": b"[1]"})
    found = [
        record.of({"test": rows(tmp_path / str(n), content)}, archive, {}) for n, content in enumerate([b"1", b"2"])
    ]
    assert found[0]["rows"] != found[1]["rows"]
    assert found[0]["archive"] == found[1]["archive"]
