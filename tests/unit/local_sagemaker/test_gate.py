"""What a container may import: the image's packages and its own modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.sagemaker import gate
from tools.package import ROOT

LOCK = ROOT / "requirements" / "ml.txt"


@pytest.fixture(scope="module")
def gated(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("gate")
    gate.write(folder, LOCK)
    return folder


def run(gated: Path, code: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(gated)}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


def test_a_package_that_only_this_machine_has_is_not_found_and_the_error_says_why(gated, tmp_path):
    ended = run(gated, "import pytest", tmp_path)

    assert ended.returncode == 1
    assert "ModuleNotFoundError: No module named 'pytest': it is installed on this machine" in ended.stderr
    assert "not in the image, whose packages ml.txt lists" in ended.stderr


def test_a_library_that_can_do_without_it_does_without_it(gated, tmp_path):
    code = """
import numpy, botocore, json
try:
    import duckdb
except ImportError as missing:
    print(missing.name)
"""
    assert run(gated, code, tmp_path).stdout == "duckdb\n"


def test_a_jobs_own_module_may_have_the_name_of_such_a_package(gated, tmp_path):
    (tmp_path / "polars.py").write_text("print('the own one')")

    assert run(gated, "import polars", tmp_path).stdout == "the own one\n"


def test_modules_are_absent_when_the_lock_does_not_pin_their_package_whatever_its_spelling(tmp_path):
    def install(name: str, *files: str) -> None:
        (tmp_path / f"{name}-1.0.dist-info").mkdir()
        (tmp_path / f"{name}-1.0.dist-info" / "RECORD").write_text("".join(f"{file},,\n" for file in files))

    install("Of_Image", "of_image/__init__.py")
    install("other", "other/__init__.py", "other/deep/__init__.py", "_other.cpython-311.so", "../../bin/other")
    install("part", "google/part/__init__.py")
    install("setuptools", "setuptools/__init__.py")

    assert gate.absent_modules("of-image==1.0 \\\n    --hash=x\n", tmp_path) == {"other", "_other"}
