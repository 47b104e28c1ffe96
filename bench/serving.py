"""The model server beside the stack of AWS's XGBoost container: same model, same rows, one worker each.

The server runs on one core, the client on another. `rps` is with CONNECTIONS kept busy, in the best of ROUNDS,
which other work on the machine disturbed least; latency is with one request at a time.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from features.encoding import numbers
from inference.runtimes import COMPILED
from tools.telling import Teller
from training import compiled

FEATURES, TREES, DEPTH = 50, 300, 6
WARM_UP, CALLS = 300, 3_000
CONNECTIONS, SECONDS, ROUNDS = 16, 2.0, 4
START = 30.0  # seconds until a server must answer
OURS = """
import sys
from pathlib import Path
from inference.serve import run
run(Path(sys.argv[1]), int(sys.argv[2]), "127.0.0.1")
"""


def measure(teller: Teller) -> dict:
    """Throughput and latency of both, and the ratios, ours over theirs."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with teller.phase("model", ("our server", "AWS's stack")):
            bodies = prepare(folder)
        client, server = cores()
        os.sched_setaffinity(0, {client})
        try:
            with teller.phase("our server", ("AWS's stack",)):
                ours = of_server(our_server(folder), server, bodies)
            with teller.phase("AWS's stack"):
                theirs = of_server(their_server(folder), server, bodies)
        finally:
            os.sched_setaffinity(0, {client, server})
    return {
        "rps_ratio": ours["rps"] / theirs["rps"],
        "p50_ratio": ours["p50_us"] / theirs["p50_us"],
        "p99_ratio": ours["p99_us"] / theirs["p99_us"],
        "ours": ours,
        "aws_stack": theirs,
        "model": {"trees": TREES, "depth": DEPTH, "features": FEATURES},
    }


def cores() -> tuple[int, int]:
    """For the client and for the server; the same one when there is no second."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def prepare(folder: Path) -> list[bytes]:
    """Writes the archive; returns one-row CSV bodies."""
    import xgboost

    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    y = (x[:, :5].sum(axis=1) + rng.normal(size=len(x)) * 3 > 2).astype(int)
    x[rng.random(x.shape) < 0.02] = np.nan
    parameters = {"objective": "binary:logistic", "max_depth": DEPTH, "base_score": 0.5, "nthread": 1, "eta": 0.05}
    xgboost.train(parameters, xgboost.DMatrix(x, y), TREES).save_model(folder / "model.json")
    (folder / compiled.FILE).write_bytes(compiled.compile_model("xgboost", folder / "model.json", FEATURES))
    manifest = {
        "name": "bench",
        "learner": "xgboost",
        "file": "model.json",
        "compiled": compiled.FILE,
        "runtime": COMPILED,
        "feature_version": "bench",
        "columns": numbers(f"f{i}" for i in range(FEATURES)).document(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    compiled.require_faithful(folder, x, seed=0)
    lines = (",".join("" if np.isnan(v) else f"{v:.6g}" for v in row) for row in x[:500])
    return [f"{line}\n".encode() for line in lines]


def our_server(folder: Path) -> list[str]:
    return [sys.executable, "-c", OURS, str(folder), "{port}"]


def their_server(folder: Path) -> list[str]:
    return [
        *("env", f"BENCH_MODEL={folder / 'model.json'}", sys.executable, "-m", "gunicorn", "--workers", "1"),
        *("--worker-class", "gevent", "--bind", "127.0.0.1:{port}", "--log-level", "error", "bench.aws_stack:app"),
    ]


def of_server(command: list[str], core: int, bodies: list[bytes]) -> dict:
    with started(command, core) as port:
        requests = [request(body) for body in bodies]
        latencies = one_at_a_time(port, requests, WARM_UP + CALLS)[WARM_UP:]
        rps = max(throughput(port, requests) for _ in range(ROUNDS))
    p50, p99 = np.quantile(latencies, [0.5, 0.99]) * 1e6
    return {"rps": rps, "p50_us": float(p50), "p99_us": float(p99)}


@contextmanager
def started(command: list[str], core: int) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        [word.replace("{port}", str(port)) for word in command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        until_healthy(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def until_healthy(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with connected(port) as connection:
                connection.sendall(b"GET /ping HTTP/1.1\r\nHost: bench\r\n\r\n")
                if answer(connection).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server on port {port} is not healthy, it ended with {process.poll()}")


def connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request(body: bytes) -> bytes:
    head = f"POST /invocations HTTP/1.1\r\nHost: bench\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def answer(connection: socket.socket) -> bytes:
    """One whole response."""
    received = b""
    while not complete(received):
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("the server closed the connection")
        received += part
    return received


def complete(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)


def one_at_a_time(port: int, requests: list[bytes], calls: int) -> list[float]:
    """Seconds of each call on one kept connection."""
    seconds = []
    with connected(port) as connection:
        for i in range(calls):
            began = time.perf_counter()
            connection.sendall(requests[i % len(requests)])
            received = answer(connection)
            seconds.append(time.perf_counter() - began)
            require_scored(received)
    return seconds


def throughput(port: int, requests: list[bytes]) -> float:
    """Answers per second while CONNECTIONS connections always wait for one."""
    connections = [connected(port) for _ in range(CONNECTIONS)]
    with selectors.DefaultSelector() as waiting:
        for connection in connections:
            waiting.register(connection, selectors.EVENT_READ)
            connection.sendall(requests[0])
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            for key, _ in waiting.select(1.0):
                connection: socket.socket = key.fileobj  # type: ignore[assignment]
                require_scored(answer(connection))
                done += 1
                connection.sendall(requests[done % len(requests)])
        elapsed = time.perf_counter() - began
    for connection in connections:
        answer(connection)
        connection.close()
    return done / elapsed


def require_scored(received: bytes) -> None:
    if not received.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"a request was refused: {received[:300]!r}")


if __name__ == "__main__":
    print(json.dumps(measure(Teller(sys.stderr)), indent=1))
