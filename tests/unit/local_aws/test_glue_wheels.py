"""An archive of wheels is taken where Glue's own pip would take it, and refused with a sentence where it would not."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile

import pytest

from local.plugins import glue_wheels
from local.plugins.glue_wheels import Refused, read, require_installed, require_whole
from tools.wheels import bundled

ANYWHERE = "py3-none-any"


def wheel(name: str, version: str, *needs: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {need}" for need in needs]
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n")
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path):
    """Makes an archive of wheels: `name==version` with its tag and what it needs."""

    def make(pinned: dict[str, str], **held: tuple[str, str, tuple[str, ...]]):
        wheels = {f"{n}-{v}-{tag}.whl": wheel(n, v, *needs) for n, (v, tag, needs) in held.items()}
        path = tmp_path / "x.gluewheels.zip"
        path.write_bytes(bundled(pinned, wheels))
        glue_wheels._read.cache_clear()
        return path

    return make


def test_what_others_bring_is_not_what_a_job_asks_for(archive):
    one = ("1", ANYWHERE, ("two>=1", "three; extra == 'more'", "four; python_version < '3.11'"))
    found = read(archive({"one": "1", "two": "2"}, one=one, two=("2", ANYWHERE, ())))

    assert found.asked == ["one"]
    require_whole(found, frozenset())


def test_a_package_that_is_needed_and_neither_brought_nor_glues_is_named(archive):
    found = read(archive({"one": "1"}, one=("1", ANYWHERE, ("two>=1", "numpy"))))

    with pytest.raises(Refused, match="one needs two, of which there is no wheel"):
        require_whole(found, frozenset({"numpy"}))


@pytest.mark.parametrize(
    "tag",
    ["cp312-cp312-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_35_x86_64", "cp311-cp311-manylinux_2_17_aarch64"],
)
def test_a_wheel_for_another_machine_is_refused(archive, tag):
    with pytest.raises(Refused, match=r"no wheel for Python 3\.11 on x86_64"):
        read(archive({"one": "1"}, one=("1", tag, ())))


@pytest.mark.parametrize(
    "tag",
    ["cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64", "cp39-abi3-manylinux2014_x86_64", "py2.py3-none-any"],
)
def test_a_wheel_for_glues_machine_is_taken(archive, tag):
    assert dict(read(archive({"one": "1"}, one=("1", tag, ()))).versions) == {"one": "1"}


def test_a_package_that_is_listed_without_a_wheel_is_refused(archive):
    with pytest.raises(Refused, match="wants one==2, of which there is no wheel"):
        read(archive({"one": "2"}, one=("1", ANYWHERE, ())))


def test_what_is_no_archive_of_wheels_is_refused(tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"no")
    with pytest.raises(Refused, match="no zip"):
        read(tmp_path / "broken.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("one-1-py3-none-any.whl", b"")
    with pytest.raises(Refused, match=r"holds no wheels/requirements\.txt"):
        read(tmp_path / "other.zip")


def test_another_version_than_this_machine_has_is_refused(archive):
    here = importlib.metadata.version("duckdb")
    require_installed(read(archive({"duckdb": here}, duckdb=(here, ANYWHERE, ()))))
    with pytest.raises(Refused, match=rf"brings duckdb==0\.1, but duckdb {here} is installed"):
        require_installed(read(archive({"duckdb": "0.1"}, duckdb=("0.1", ANYWHERE, ()))))
    with pytest.raises(Refused, match="brings nobody==1, which is not installed"):
        require_installed(read(archive({"nobody": "1"}, nobody=("1", ANYWHERE, ()))))
