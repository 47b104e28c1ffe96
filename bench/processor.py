"""Processor time by what it was spent on, among the processes below this one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

WORKER = re.compile(r"/ministack-lambda-(.+)-[^-/]+/")  # the folder of a function's environment, by the function's name
MODEL_SERVER = "/opt/ml/model/code/serve.py"


def spender(command: str) -> str:
    """A function's name, `model_server`, or `local_aws` for the server and what it keeps running beside it."""
    if worker := WORKER.search(command):
        return worker[1]
    return "model_server" if MODEL_SERVER in command else "local_aws"


@contextmanager
def spent(found: Counter[str]) -> Iterator[None]:
    """Adds the seconds that each spender took while it lasts. A process that ends meanwhile is not counted."""
    before = seconds()
    yield
    for process, (command, taken) in seconds().items():
        found[spender(command)] += taken - before.get(process, ("", 0.0))[1]


def seconds() -> dict[psutil.Process, tuple[str, float]]:
    """User and system time of each process below this one, its ended children's included, as /proc tells it."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found[process] = " ".join(process.cmdline()), sum(process.cpu_times()[:4])
    return found


def total() -> float:
    """Of this process and of those below it."""
    return sum(psutil.Process().cpu_times()[:4]) + sum(taken for _, taken in seconds().values())


def per_call(found: Counter[str], function: str, calls: int) -> dict[str, float]:
    """Milliseconds by call: the function's own, the model server's, the local AWS's, and all of it. What other
    functions took meanwhile is none of it."""
    own = {"function": found[function], "model_server": found["model_server"], "local_aws": found["local_aws"]}
    return {name: taken / calls * 1000 for name, taken in {**own, "path": sum(own.values())}.items()}
