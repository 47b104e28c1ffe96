"""Rooms meet only where they may, and importing one does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.architecture.source import FUNCTIONS, ROOT, SHIPPED, imported, modules, named, run_on_import, tracked

SLOW = ("training/pipelines/", "glue/quality.py")  # the SDK and Great Expectations take seconds to import
OURS = {
    "features",
    "raw",
    "glue",
    "training",
    "inference",
    "lending",
    "datasets",
    "demo",
    "tools",
    "local",
    "scoring",
    "cases",
    "decide",
    "document",
    "intake",
    "labels",
    "lists",
    "loans",
    "merchants",
    "seal",
    "stream",
}


def test_there_is_something_to_look_at():
    assert all(modules(room) for room in SHIPPED)


def test_features_import_only_the_standard_library():
    foreign = {
        named(path): sorted(names)
        for path in modules("features")
        if (names := imported(path) - set(sys.stdlib_module_names) - {"features"})
    }
    assert foreign == {}


@pytest.mark.parametrize(
    ("room", "known"),
    [
        ("raw", {"features"}),
        ("glue", {"features", "raw"}),
        ("lambda", {"features", "lending"}),
        ("inference", {"features"}),
        ("lending", {"features", "inference"}),
        ("training", {"features", "inference", "lending"}),
        ("datasets", {"features", "raw"}),
    ],
)
def test_a_room_knows_only_the_rooms_it_may(room, known):
    own = {room} if room != "lambda" else {"scoring", *FUNCTIONS}
    strangers = {named(path): sorted(names) for path in modules(room) if (names := imported(path) & OURS - known - own)}
    assert strangers == {}


def test_nothing_but_tests_and_benchmarks_imports_the_local_aws():
    guilty = [
        named(path)
        for path in tracked("*.py")
        if "local" in imported(path) and named(path).split("/")[0] not in ("local", "tests", "bench")
    ]
    assert guilty == []


def test_nothing_but_tests_and_benchmarks_imports_the_simulator():
    guilty = [
        named(path)
        for path in tracked("*.py")
        if "simulation" in imported(path) and named(path).split("/")[0] not in ("simulation", "tests", "bench")
    ]
    assert guilty == []


READS = ("os.environ", "os.getenv", "boto3.client", "boto3.resource", "boto3.Session")


@pytest.mark.parametrize("room", [room for room in SHIPPED if room != "tools"])
def test_no_module_reads_the_environment_or_makes_a_client_when_it_is_imported(room):
    guilty = {
        f"{named(path)}:{node.lineno}"
        for path in modules(room)
        for node in run_on_import(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in READS
    }
    assert guilty == set()


IMPORT_ALL = """
import importlib, sys
import boto3

def refused(*_, **__):
    raise AssertionError("a client was made on import")

boto3.client = boto3.resource = boto3.Session = refused
for name in sys.argv[1:]:
    importlib.import_module(name)
print("done")
"""


def test_every_module_can_be_imported_with_an_empty_environment_and_makes_no_client():
    names = []
    for path in modules(*(room for room in SHIPPED if room != "tools")):
        if not named(path).startswith(SLOW) and path.name not in ("__init__.py", "__main__.py"):
            names.append(named(path).removeprefix("lambda/").removesuffix(".py").replace("/", "."))
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip().endswith("done"), run.stderr
