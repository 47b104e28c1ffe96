"""A job's Python, forked from a process that has imported what it asks for, is like one that was started for it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from local.warm_pool.drivers import Driver, Drivers
from tests.waiting import PATIENCE_S, eventually

NOT_AT_ALL = 0.0


@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    found = Drivers(tmp_path_factory.mktemp("pool"), {"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"})
    yield found
    found.close()


@pytest.fixture
def start(drivers, tmp_path):
    def started(source: str, *argv: str, **environment: str) -> Driver:
        script = tmp_path / "job.py"
        script.write_text(source)
        return drivers.start(["colorsys"], script, argv, {"PATH": "/usr/bin:/bin", **environment}, tmp_path)

    return started


def told(driver: Driver) -> tuple[int, str, str]:
    output, errors = driver.stdout.read(), driver.stderr.read()
    return driver.wait(PATIENCE_S), output, errors


def test_a_script_gets_its_arguments_environment_and_folder_and_nothing_else(start, tmp_path):
    source = "import os, sys\nprint(sys.argv[1:], sorted(os.environ), os.getcwd(), 'colorsys' in sys.modules, __name__)"

    code, output, errors = told(start(source, "--batch", "b 1", GIVEN="yes"))

    assert (code, errors) == (0, "")
    assert output == f"['--batch', 'b 1'] ['GIVEN', 'PATH'] {tmp_path} True __main__\n"


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("raise LookupError('nothing here')", 1, "LookupError: nothing here"),
        ("import sys; sys.exit('no batch')", 1, "no batch"),
        ("import sys; sys.exit(7)", 7, ""),
        ("def broken(:", 1, "SyntaxError"),
        ("import os; os.abort()", -6, ""),
    ],
)
def test_a_script_ends_as_python_would_end_it(start, source, code, said):
    found, _, errors = told(start(source))

    assert found == code
    assert said in errors
    assert "driver.py" not in errors, "a trace begins with the script"


def test_what_a_script_wrote_and_its_exit_functions_are_not_lost(start):
    source = "import atexit, sys\natexit.register(print, 'at the end')\nsys.stdout.write('no newline ')"

    assert told(start(source))[:2] == (0, "no newline at the end\n")


def test_no_two_scripts_draw_the_same_numbers(start):
    drawn = {told(start("import random, os; print(random.random(), os.getpid())"))[1] for _ in range(3)}

    assert len({line.split()[0] for line in drawn}) == 3


def test_modules_beside_the_script_and_on_its_path_are_found_and_its_gate_is_closed_first(start, tmp_path):
    (tmp_path / "beside.py").write_text("word = 'beside'")
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / "sitecustomize.py").write_text("import builtins\nbuiltins.gate = 'closed'")
    (extra / "further.py").write_text("word = 'further'")

    code, output, _ = told(
        start("import beside, further\nprint(beside.word, further.word, gate)", PYTHONPATH=str(extra))
    )

    assert (code, output) == (0, "beside further closed\n")


def test_a_script_that_does_not_end_is_not_waited_for_beyond_the_limit_and_dies_with_its_children(start, tmp_path):
    driver = start("import subprocess\nprint('runs', flush=True)\nsubprocess.run(['sleep', '86397'])")
    assert driver.stdout.readline() == "runs\n"
    with pytest.raises(subprocess.TimeoutExpired):
        driver.wait(NOT_AT_ALL)

    os.killpg(driver.pid, signal.SIGKILL)

    assert driver.wait(PATIENCE_S) == -9
    eventually(lambda: not [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"86397" in content(p)])


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
