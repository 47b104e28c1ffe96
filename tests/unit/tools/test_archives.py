"""Archives depend on their content alone, and are what their readers take."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tools.archives import files_below, tarred, wheel, zipped

FILES = {"b/two.py": b"TWO = 2\n", "a.py": b"ONE = 1\n", "b/__init__.py": b""}
REVERSED = dict(reversed(FILES.items()))


def as_wheel(files):
    return wheel("some_package", "1.2", files)


@pytest.mark.parametrize("archive", [zipped, tarred, as_wheel])
def test_the_same_files_in_any_order_are_the_same_bytes(archive):
    assert archive(FILES) == archive(dict(FILES)) == archive(REVERSED)


@pytest.mark.parametrize("archive", [zipped, tarred, as_wheel])
@pytest.mark.parametrize("change", [{"a.py": b"ONE = 2\n"}, {"c.py": b""}])
def test_other_content_is_other_bytes(archive, change):
    assert archive({**FILES, **change}) != archive(FILES)


@pytest.mark.parametrize("archive", [zipped, tarred])
def test_neither_times_nor_rights_nor_places_of_files_reach_the_archive(archive, tmp_path):
    built = []
    for number, name in enumerate(("one", "another")):
        root = tmp_path / name
        for path, content in FILES.items() if number else REVERSED.items():
            (root / "pkg" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / "pkg" / path).write_bytes(content)
            os.utime(root / "pkg" / path, (10**9 * (number + 1),) * 2)
            (root / "pkg" / path).chmod(0o600 + number * 0o77)
        built.append(archive(files_below(root, "pkg")))

    assert built[0] == built[1]


def test_compiled_files_are_left_out(tmp_path):
    for path in ("pkg/a.py", "pkg/__pycache__/a.cpython-311.pyc", "pkg/old.pyc", "other/b.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    assert set(files_below(tmp_path, "pkg")) == {"pkg/a.py"}


def test_a_checkout_below_a_folder_with_an_odd_name_is_packaged_whole(tmp_path):
    root = tmp_path / "my.pycharm" / "__pycache__projects"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "a.py").touch()

    assert set(files_below(root, "pkg")) == {"pkg/a.py"}


def test_a_zip_and_a_tar_hold_the_files_readable_for_all():
    with zipfile.ZipFile(io.BytesIO(zipped(FILES))) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == FILES
        assert archive.namelist() == sorted(FILES)
        assert {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()} == {0o644}
    with tarfile.open(fileobj=io.BytesIO(tarred(FILES))) as archive:
        assert {m.name: archive.extractfile(m).read() for m in archive} == FILES
        assert {(m.mode, m.mtime, m.uid, m.uname) for m in archive} == {(0o644, 0, 0, "")}
    assert gzip.decompress(tarred(FILES))
    assert tarred(FILES)[4:8] == bytes(4), "gzip keeps a time of its own"


def test_a_wheels_record_lists_every_file_with_its_hash_and_size():
    with zipfile.ZipFile(io.BytesIO(as_wheel(FILES))) as archive:
        content = {n: archive.read(n) for n in archive.namelist()}
    record = "some_package-1.2.dist-info/RECORD"
    rows = {name: (sha, size) for name, sha, size in csv.reader(io.StringIO(content[record].decode()))}

    assert set(rows) == set(content)
    assert rows.pop(record) == ("", "")
    for name, (sha, size) in rows.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content[name]).digest()).rstrip(b"=").decode()
        assert (sha, int(size)) == (f"sha256={digest}", len(content[name]))


def test_a_wheel_installs_and_its_code_is_importable(tmp_path):
    built = tmp_path / "some_package-1.2-py3-none-any.whl"
    built.write_bytes(as_wheel(FILES))
    target = tmp_path / "site"
    with zipfile.ZipFile(built) as archive:
        archive.extractall(target)
    code = (
        "import b.two, importlib.metadata as m; d = m.distribution('some-package'); "
        "print(b.two.TWO, d.version, len(d.files), all(f.locate().is_file() for f in d.files))"
    )
    said = subprocess.run([sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(target)}, capture_output=True)

    assert said.stdout.decode().split() == ["2", "1.2", "6", "True"], said.stderr.decode()
