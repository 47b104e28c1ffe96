"""A release holds every artifact once, with its sum."""

from __future__ import annotations

import hashlib
import json

import pytest

from tools.delivery import release


@pytest.fixture
def package(tmp_path):
    def made(**artifacts):
        listing = {}
        for name, key in artifacts.items():
            path = tmp_path / "package" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
            listing[name] = {"key": key, "hash": ""}
        path = tmp_path / "package" / "package.tfvars.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"artifacts": listing}))
        return path.parent, path, tmp_path / "release"

    return made


def test_zips_and_archives_are_named_for_what_they_are_and_the_wheel_keeps_its_name(package):
    artifacts = {
        "lambda/decide": "lambda/decide/1/decide.zip",
        "glue/library": "glue/library/1/risk_platform-0.1.0-py3-none-any.whl",
        "training/code": "training/code/1/code.tar.gz",
        "glue/jobs/raw": "glue/jobs/raw/1/raw.py",
    }
    *_, folder = places = package(**artifacts)

    names = [path.name for path in release.collect(*places)]

    assert names == ["lambda-decide.zip", "risk_platform-0.1.0-py3-none-any.whl", "training-code.tar.gz"]
    assert (folder / "lambda-decide.zip").read_bytes() == b"lambda/decide"


def test_the_sums_are_of_all_that_lies_there_the_bills_of_materials_too(package):
    *_, folder = places = package(**{"lambda/decide": "lambda/decide/1/decide.zip"})
    folder.mkdir()
    (folder / "glue.cdx.json").write_bytes(b"{}")

    release.collect(*places)

    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        "glue.cdx.json": hashlib.sha256(b"{}").hexdigest(),
        "lambda-decide.zip": hashlib.sha256(b"lambda/decide").hexdigest(),
    }


def test_two_artifacts_of_one_name_are_refused(package):
    places = package(**{"lambda/a": "x/1/a.zip", "lambda-a": "x/2/a.zip"})

    with pytest.raises(release.TwoOfOneName, match=r"lambda-a\.zip"):
        release.collect(*places)
