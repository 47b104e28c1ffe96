"""Functions and jobs find the Python and the packages that they would find on AWS."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from local import pythons
from local.plugins import glue_imports, glue_jobs
from local.plugins.lambda_bootstrap import REMOVED, Removed
from local.settings import Settings


def test_a_module_that_is_gone_by_then_is_hidden():
    gate = Removed(REMOVED[3, 12])
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'distutils\.core'"):
        gate.find_spec("distutils.core")
    assert gate.find_spec("json") is None


@pytest.mark.parametrize("version", [(3, 12), (3, 13)])
def test_the_list_of_removed_modules_is_python_s_own(version: tuple[int, int]):
    found = pythons.interpreter(f"{version[0]}.{version[1]}")
    if found is None:
        pytest.skip("that Python is not installed")
    said = subprocess.run([found, "-c", "import sys; print(*sys.stdlib_module_names)"], capture_output=True, text=True)
    gone = {name for name in sys.stdlib_module_names - set(said.stdout.split()) if not name.startswith("_")}
    assert gone == {name for at, names in REMOVED.items() if at <= version for name in names}


def test_a_command_that_is_no_python_of_that_version_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\necho not found >&2; exit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert pythons.interpreter("3.99") is None


@pytest.mark.parametrize(
    ("asked", "module", "found"),
    [
        ([], "pandas", True),
        ([], "botocore", True),
        ([], "duckdb", False),
        (["duckdb"], "duckdb", True),
        ([], "json", True),
    ],
)
def test_a_job_imports_what_glue_has_and_what_it_asks_for(asked, module: str, found: bool, tmp_path: Path):
    (tmp_path / "modules").mkdir()
    gate = glue_imports.write_gate(tmp_path / "gate", asked, tmp_path / "modules")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(gate)}
    code = f"import importlib.util; importlib.util.find_spec({module!r})"
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (said.returncode == 0) is found
    assert found or "ask for it with --additional-python-modules" in said.stderr


def test_what_a_job_brings_it_may_import(tmp_path: Path):
    (tmp_path / "modules" / "duckdb").mkdir(parents=True)
    (tmp_path / "modules" / "duckdb" / "__init__.py").write_text("OURS = 1")
    gate = glue_imports.write_gate(tmp_path / "gate", [], tmp_path / "modules")
    path = os.pathsep.join(map(str, (gate, tmp_path / "modules")))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", "import duckdb; duckdb.OURS"], env=environment, check=True)


def test_packages_come_with_what_they_require():
    assert {"boto3", "botocore", "s3transfer", "jmespath"} <= glue_imports.closure(["boto3==1.0"])
    assert "nothing-like-this" in glue_imports.closure(["nothing_like_this"])
    assert glue_imports.closure(["not a requirement !"]) == set()


def test_spark_s_options_bear_a_folder_with_a_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(glue_jobs, "_settings", Settings(tmp_path), raising=False)
    folder = tmp_path / "a b"
    (folder / "conf").mkdir(parents=True)
    settings = glue_jobs._spark_settings(folder, "spark.x=1 --conf spark.y=2").read_text().splitlines()
    options = dict(line.split(" ", 1) for line in settings)
    assert f"-Djava.io.tmpdir={folder}/tmp" in shlex.split(options["spark.driver.extraJavaOptions"])
    assert (options["spark.x"], options["spark.y"]) == ("1", "2")
