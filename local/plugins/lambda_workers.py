"""Lambda functions run fast, fail as on AWS, and see what they would see there.

MiniStack waits 50 ms per call for log lines that may not come, starts a new process after each exception, names every
exception ``Runtime.HandlerError`` (so that no Retry or Catch matches), and lets a function import whatever this machine
has installed. Here the end of the output is marked, so nothing is waited for; an exception keeps the environment and
surfaces its class; and ``sys.path`` holds the zip, its layers, the standard library and boto3.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import threading
import time
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local import pythons, undertaker
from local.settings import Settings

HOOKS = {
    "ministack.core.lambda_runtime._PYTHON_WORKER_SCRIPT": None,
    "ministack.core.lambda_runtime.Worker._spawn": "(self)",
    "ministack.core.lambda_runtime.Worker.invoke": (
        "(self, event, request_id: str, *, trace_id: str | None = None, depth=None, "
        "durable: dict | None = None, invoked_function_arn: str | None = None) -> dict"
    ),
    "ministack.core.lambda_runtime._detect_runtime_binary": "(runtime: str) -> tuple[str, str]",
    "ministack.core.lambda_runtime._collect": "(proc, deadline: float) -> None",
    "ministack.services.lambda_svc._execute_function_warm": "(func: dict, event: dict, request_id: str) -> dict",
}

# What AWS's Python runtime brings; numpy or pandas it does not.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
END_OF_OUTPUT = "\x1e"
OUTPUT_SECONDS = 0.25
IGNORED_LINES = 10_000

_failure = threading.local()


def install(settings: Settings) -> None:
    os.environ["LOCAL_LAMBDA_RUNTIME"] = str(_runtime_folder(settings.temp_dir / "lambda-runtime"))
    lambda_runtime._PYTHON_WORKER_SCRIPT = Path(__file__).with_name("lambda_bootstrap.py").read_text()
    lambda_runtime._detect_runtime_binary = _with_its_own_python(lambda_runtime._detect_runtime_binary)
    lambda_runtime.Worker._spawn = _spawning(lambda_runtime.Worker._spawn)
    lambda_runtime.Worker.invoke = _invoke
    lambda_runtime._collect = _collecting(lambda_runtime._collect)
    lambda_svc._execute_function_warm = _with_python_class(lambda_svc._execute_function_warm)


def _runtime_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for package in RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        link = folder / source.name
        if not link.exists():
            link.symlink_to(source)
    return folder


def _with_its_own_python(detect: Any) -> Any:
    """The Python that the function names, where this machine has it; else this one, which hides what is gone by then.

    The bootstrap is told which it should be: no process can tell that from itself.
    """

    def detect_runtime_binary(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        if not runtime.startswith("python"):
            return binary, script
        version = runtime.removeprefix("python")
        named = f'import os\nos.environ["LOCAL_LAMBDA_PYTHON"] = "{version}"\n'
        return pythons.interpreter(version) or binary, named + script

    return detect_runtime_binary


def _spawning(spawn: Any) -> Any:
    def spawn_and_listen(self: Any) -> None:
        spawn(self)
        undertaker.watch(self._proc.pid)
        self._answers = queue.SimpleQueue()
        threading.Thread(
            target=_listen, args=(self._proc.stdout, self._answers), daemon=True, name=f"answers-{self.func_name}"
        ).start()

    return spawn_and_listen


def _listen(stream: Any, answers: queue.SimpleQueue) -> None:
    try:
        for line in stream:
            answers.put(line)
    except (OSError, ValueError):
        pass
    answers.put(None)


def _collecting(collect: Any) -> Any:
    def collect_and_forget(proc: Any, deadline: float) -> None:
        collect(proc, deadline)
        if proc is not None:
            undertaker.forget(proc.pid)

    return collect_and_forget


def _invoke(
    self: Any,
    event: Any,
    request_id: str,
    *,
    trace_id: str | None = None,
    depth: Any = None,
    durable: dict | None = None,
    invoked_function_arn: str | None = None,
) -> dict:
    with self._lock:
        cold = self._proc is None or self._proc.poll() is not None
        if cold:
            self._spawn()
            self._cold = False
        timeout = float(self.config.get("Timeout", 3))
        arn = invoked_function_arn if invoked_function_arn is not None else self.config.get("FunctionArn", "")
        envelope = {
            "event": event,
            "ctx": {
                "request_id": request_id,
                "invoked_function_arn": arn,
                "timeout_ms": int(timeout * 1000),
                "trace_id": trace_id,
            },
        }
        if str(self.config.get("Runtime", "")).startswith("nodejs"):
            envelope["ctx"].update(depth=depth, durable=durable or {})
        answer = _ask(self, envelope, timeout)
        if answer is None:
            answer = {"status": "error", "error": f"Task timed out after {timeout:.2f} seconds"}
            _end(self)
        elif answer.get("ended"):
            _end(self)
        answer["cold_start"] = cold
        answer["log"] = _output(self, OUTPUT_SECONDS if "type" in answer or answer["status"] == "ok" else 0.02)
        answer["request_id"] = request_id
        _failure.answer = answer if answer["status"] == "error" else None
        return answer


def _ask(worker: Any, envelope: dict, timeout: float) -> dict | None:
    """The worker's answer; None after the timeout."""
    deadline = time.monotonic() + timeout
    try:
        worker._proc.stdin.write(json.dumps(envelope) + "\n")
        worker._proc.stdin.flush()
        for _ in range(IGNORED_LINES):
            line = worker._answers.get(timeout=max(0.0, deadline - time.monotonic()))
            if line is None:
                break
            # A child of the handler may have written to the inherited stdout.
            if line.startswith("{"):
                try:
                    answer = json.loads(line)
                except ValueError:
                    continue
                if answer.get("status") in ("ok", "error"):
                    return answer
    except queue.Empty:
        return None
    except OSError:
        pass
    code = worker._proc.wait(timeout=1) if worker._proc else None
    reason = f"RequestId: {envelope['ctx']['request_id']} Error: Runtime exited with error: exit status {code}"
    return {
        "status": "error",
        "error": reason,
        "type": "Runtime.ExitError",
        "stack": [],
        "trace": reason,
        "ended": True,
    }


def _end(worker: Any) -> None:
    process, worker._proc = worker._proc, None
    if process is not None:
        process.kill()
        lambda_runtime._collect(process, time.monotonic() + 1)


def _output(worker: Any, seconds: float) -> str:
    """What the handler printed. Complete when the marker has come, so the usual wait is none."""
    lines: list[str] = []
    deadline = time.monotonic() + seconds
    while True:
        try:
            line = worker._stderr_queue.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if line.startswith(END_OF_OUTPUT):
            break
        lines.append(line)
    return "\n".join(lines)


def _with_python_class(execute: Any) -> Any:
    def execute_warm(func: dict, event: Any, request_id: str) -> dict:
        _failure.answer = None
        result = execute(func, event, request_id)
        answer, _failure.answer = _failure.answer, None
        if result.get("error") and answer and "type" in answer:
            result["body"] = {
                "errorMessage": answer["error"],
                "errorType": answer["type"],
                "requestId": request_id,
                "stackTrace": answer["stack"],
            }
        return result

    return execute_warm
