"""Each Lambda zip is small, complete, and starts with nothing but what Lambda gives it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from features.state import REMEMBERED
from tests.architecture.source import FUNCTIONS, ROOT, block, keys, terraform
from tools.archives import files_below, zipped
from tools.package import FUNCTIONS as PACKAGED
from tools.package import code_of

LARGEST = 5 * 1024 * 1024
GIVEN_BY_LAMBDA = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
HEAVY = ("numpy", "pandas", "pyspark", "pyarrow", "xgboost", "catboost", "sklearn", "pydantic", "sagemaker")


def archive(function: str) -> bytes:
    return zipped({**files_below(ROOT, "features"), **code_of(function)})


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    """The packages that Lambda's runtime has, alone in one folder."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in GIVEN_BY_LAMBDA:
        origin = Path(find_spec(name).origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (folder / origin.name).symlink_to(origin)
    return folder


def started(code: str, *paths: Path) -> str:
    """The answer of a bare interpreter that sees the standard library and these folders."""
    run = subprocess.run(
        [sys.executable, "-S", "-B", "-c", code],
        env={"PYTHONPATH": ":".join(map(str, paths))},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


REPORT = """
import importlib, json, sys
module = importlib.import_module("{function}.handler")
print(json.dumps({{"callable": callable(module.handle), "loaded": sorted({{n.partition(".")[0] for n in sys.modules}}),
                   "features": importlib.import_module("features").__file__}}))
"""


def test_every_function_is_packaged():
    assert set(PACKAGED) == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_zip_holds_everything_that_its_handler_imports(function, given, tmp_path):
    content = archive(function)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        opened.extractall(tmp_path)
    report = json.loads(started(REPORT.format(function=function), tmp_path, given))

    assert len(content) < LARGEST
    assert report["callable"]
    assert report["features"].startswith(str(tmp_path))
    assert not set(HEAVY) & set(report["loaded"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_imports_nothing_heavy_though_it_is_installed(function):
    code = f"import {function}.handler, sys, json; print(json.dumps(list(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}"},
        cwd="/",
        capture_output=True,
        text=True,
    )
    loaded = {name.partition(".")[0] for name in json.loads(run.stdout)}

    assert not {*HEAVY, "glue", "training", "inference", "tools", "local"} & loaded


# Where Terraform declares a function: the file, and the module's name in it.
DECLARED = {
    "cases": ("review/main.tf", "cases"),
    "intake": ("review/intake.tf", "intake"),
    "decide": ("api/main.tf", "decide"),
    "document": ("api/document.tf", "document"),
    "labels": ("api/labels.tf", "labels"),
    "lists": ("api/lists.tf", "lists"),
    "loans": ("api/loans.tf", "loans"),
    "merchants": ("counter/main.tf", "function"),
    "release": ("release/main.tf", "function"),
    "seal": ("orchestration/seal.tf", "seal"),
    "stream": ("consumer/main.tf", "function"),
}


def module_of(function: str) -> str:
    file, name = DECLARED[function]
    return block(terraform(file), f'module "{name}" {{')


def environment_of(function: str) -> set[str]:
    text = module_of(function)
    opening = "environment = merge(" if "environment = merge(" in text else "environment = {"
    found = block(text, opening)
    traffic = (
        {name for name in shared() if name.endswith("TRAFFIC_GROUP")} if "merge(var.traffic_groups" in text else set()
    )
    return (
        keys(found, r"\b([A-Z][A-Z_]+)\s*=")
        | traffic
        | (shared() if "merge(var.scoring.environment" in text else set())
    )


def shared() -> set[str]:
    """What both doors get: names, and for each feature group its own."""
    text = (ROOT / "terraform" / "platform" / "scoring.tf").read_text()
    groups = re.search(
        r'for group in concat\(\[(.*?)\], var.declared_groups\) : "\$\{upper\(replace\(group, "-", "_"\)\)\}_GROUP"',
        text,
    )
    named = {group.replace("-", "_").upper() for group in re.findall(r'"([\w-]+)"', groups[1])}
    return {f"{group}_GROUP" for group in named} | keys(
        block(text, "for variable, group in local.records : variable => group.name }, {"), r"\b([A-Z][A-Z_]+)\s*="
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_terraform_sets_exactly_the_variables_that_a_function_reads(function):
    settings = import_module(f"{function}.handler").Settings

    assert {f.name.upper() for f in fields(settings)} == environment_of(function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_contract_page_names_exactly_the_variables_that_a_function_reads(function):
    page = (ROOT / "docs" / "contracts.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith(f"| `{function}` |"))
    settings = import_module(f"{function}.handler").Settings

    assert {f.name.upper() for f in fields(settings)} == keys(row.rpartition("`")[0], r"([A-Z][A-Z_]{3,})(?=[,`]|$)")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_terraform_starts_a_handler_that_exists(function):
    (handler,) = re.findall(r'handler\s+= "([a-z_.]+)"', module_of(function))
    module, _, name = handler.rpartition(".")

    assert module == f"{function}.handler"
    assert callable(getattr(import_module(module), name))


def test_a_customers_record_remembers_more_payments_than_a_batch_holds():
    """A batch that was applied may be delivered whole again."""
    (size,) = re.findall(r"batch_size\s+= (\d+)", terraform("consumer/main.tf"))

    assert int(size) < REMEMBERED
