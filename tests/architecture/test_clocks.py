"""No test depends on how fast the machine is: none measures, none sleeps, and all wait with one limit."""

from __future__ import annotations

import ast
from pathlib import Path

import hypothesis
import pytest

from tests.architecture.source import ROOT, named, tracked

WAITING = ROOT / "tests" / "waiting.py"
FILES = [path for path in tracked("tests/*.py") if path != WAITING]
MEASURING = {
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "timeit",
}
LIMITS = {"timeout", "read_timeout", "connect_timeout", "seconds", "patience", "hours"}
WAITS = {"wait", "join", "wait_procs", "communicate", "settimeout"}
# What product code has measured, and what AWS is told to wait: comparing the one or shortening the other is a race too.
MEASURED = {"took"}
OF_AWS = {"VisibilityTimeout", "MaximumBatchingWindowInSeconds"}
SHORT = 60  # seconds
OF_THE_CALENDAR = {"timedelta", "Timedelta", "datetime", "date", "ZoneInfo", "Policy"}


def faults(text: str) -> list[str]:
    """What of a test's code depends on the machine's speed, line by line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in MEASURING:
                found.append(f"{node.lineno}: {name} measures: figures belong to make bench")
        if isinstance(node, ast.Compare):
            names = {getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(node)}
            if names & MEASURED:
                found.append(f"{node.lineno}: {', '.join(names & MEASURED)} was measured: figures belong to make bench")
        assigned = {getattr(target, "id", "") for target in node.targets} if isinstance(node, ast.Assign) else set()
        if assigned & LIMITS and is_number(node.value):
            found.append(f"{node.lineno}: a limit of its own: use tests.waiting.PATIENCE_S")
        if isinstance(node, ast.keyword) and node.arg in OF_AWS and 0 < number(node.value) < SHORT:
            found.append(f"{node.value.lineno}: {node.arg} ends at a moment: let a call end it")
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "sleep":
                found.append(f"{node.lineno}: sleep hits a moment: wait for a condition with tests.waiting.eventually")
            numbers = [k.value for k in node.keywords if k.arg in LIMITS and name not in OF_THE_CALENDAR]
            numbers += node.args if name in WAITS else []
            if any(map(is_number, numbers)):
                found.append(f"{node.lineno}: {name} has a limit of its own: use tests.waiting.PATIENCE_S")
    return found


def number(node: ast.expr) -> float:
    return ast.literal_eval(node) if is_number(node) else 0


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_test_measures_sleeps_or_has_a_limit_of_its_own(path: Path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "assert time.monotonic() - begun < 5",
        "taken = perf_counter()",
        "time.sleep(3)",
        "asyncio.sleep(0.1)",
        "process.wait(5)",
        "thread.join(2.0)",
        "socket.create_connection(address, timeout=10)",
        "scene.recount(paid, seconds=5)",
        "assert max(took for _, took in answers) < 5_000",
        "patience = 0.1",
        "sqs.receive_message(QueueUrl=url, VisibilityTimeout=2)",
    ],
)
def test_such_lines_are_found(line):
    assert faults(line)


@pytest.mark.parametrize("line", ["at + timedelta(seconds=5)", "eventually(found)", 'script = "time.sleep(60)"'])
def test_lines_about_calendars_and_scripts_that_hang_are_not(line):
    assert faults(line) == []


def test_no_property_is_refuted_by_a_slow_machine():
    assert hypothesis.settings.default.deadline is None
    assert hypothesis.HealthCheck.too_slow in hypothesis.settings.default.suppress_health_check
