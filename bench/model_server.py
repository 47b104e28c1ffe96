"""The model server by itself and through the local AWS: what a request costs, and what an unkind client costs.

`python -m bench.model_server [--beside CHECKOUT]` measures the server of another checkout in the same run, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import numpy as np
import psutil
from botocore.config import Config

from bench import serving
from local import lifecycle
from tools.archives import files_below, tarred
from tools.telling import Teller

ROOT = Path(__file__).resolve().parents[1]
CALLS, CONNECTIONS, ROUNDS = 2_000, 64, 3
BATCH = 2_000  # rows of the batches beside which payments are scored
UNREAD = 400  # batches whose answers a client never reads
ROLE = "arn:aws:iam::000000000000:role/bench"


def measure(teller: Teller, checkouts: dict[str, Path] | None = None) -> dict:
    """Figures by checkout; the best of ROUNDS, which other work on the machine disturbed least."""
    found: dict[str, list[dict]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        rows = serving.prepare(folder)
        for number in range(ROUNDS):
            teller.say(f"model server, round {number + 1} of {ROUNDS}")
            for label, checkout in (checkouts or {"ours": ROOT}).items():
                found.setdefault(label, []).append(
                    {**directly(folder, checkout, rows), **through_aws(folder, checkout, rows)}
                )
    return {label: {key: min(r[key] for r in rounds) for key in rounds[0]} for label, rounds in found.items()}


def directly(folder: Path, checkout: Path, rows: list[bytes]) -> dict:
    requests = [serving.request(row) for row in rows]
    ping = b"GET /ping HTTP/1.1\r\nHost: bench\r\n\r\n"
    began = time.perf_counter()
    with started(folder, checkout) as (port, process):
        ready = time.perf_counter() - began
        alone = serving.one_at_a_time(port, requests, CALLS)
        pinged = cpu_us(process, lambda: serving.one_at_a_time(port, [ping], CALLS))
        scored = cpu_us(process, lambda: serving.one_at_a_time(port, requests, CALLS))
        busy = all_at_once(port, requests)
        with batches(port, rows):
            beside = serving.one_at_a_time(port, requests, CALLS // 4)
        before = process.memory_info().rss
        grown = memory_of_an_unread_client(port, process, rows) - before
    return {
        "server_start_alone_s": ready,
        "ping_cpu_us": pinged,
        "score_cpu_us": scored,
        **quantiles("alone", alone),
        **quantiles("connections_64", busy),
        **quantiles("beside_batches", beside),
        "unread_mb": grown / 1e6,
    }


@contextmanager
def started(folder: Path, checkout: Path) -> Iterator[tuple[int, psutil.Process]]:
    port = serving.free_port()
    process = subprocess.Popen([sys.executable, "-c", serving.OURS, str(folder), str(port)], cwd=checkout)
    try:
        serving.until_healthy(port, process)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def cpu_us(process: psutil.Process, work) -> float:
    before = sum(process.cpu_times()[:2])
    work()
    return (sum(process.cpu_times()[:2]) - before) / CALLS * 1e6


def quantiles(name: str, seconds: list[float]) -> dict[str, float]:
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1e6
    return {f"{name}_p50_us": float(p50), f"{name}_p99_us": float(p99)}


def all_at_once(port: int, requests: list[bytes]) -> list[float]:
    """Seconds of each call while CONNECTIONS connections wait for one."""
    connections = [serving.connected(port) for _ in range(CONNECTIONS)]
    seconds = []
    for _ in range(CALLS // CONNECTIONS):
        sent = []
        for number, connection in enumerate(connections):
            sent.append(time.perf_counter())
            connection.sendall(requests[number])
        for connection, began in zip(connections, sent, strict=True):
            serving.require_scored(serving.answer(connection))
            seconds.append(time.perf_counter() - began)
    for connection in connections:
        connection.close()
    return seconds


@contextmanager
def batches(port: int, rows: list[bytes]) -> Iterator[None]:
    """One client asks for batches, one after the other."""
    done = threading.Event()
    batch = serving.request(b"".join(rows[i % len(rows)] for i in range(BATCH)))

    def ask() -> None:
        with serving.connected(port) as connection:
            while not done.is_set():
                connection.sendall(batch)
                serving.require_scored(serving.answer(connection))

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    done.set()
    thread.join()


def memory_of_an_unread_client(port: int, process: psutil.Process, rows: list[bytes]) -> int:
    """The most that the server holds while a client asks and asks and never reads."""
    batch = serving.request(b"".join(rows[i % len(rows)] for i in range(BATCH)))
    most = process.memory_info().rss
    with serving.connected(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(2)
        try:
            for _ in range(UNREAD):
                connection.sendall(batch)
                most = max(most, process.memory_info().rss)
        except OSError:
            pass  # it takes no more, or has left
    return most


def through_aws(folder: Path, checkout: Path, rows: list[bytes]) -> dict:
    """A whole InvokeEndpoint by boto3, at the local AWS of this checkout."""
    with tempfile.TemporaryDirectory(prefix="bench-aws-") as state, lifecycle.running(Path(state)) as aws:

        def client(service: str):
            config = Config(retries={"max_attempts": 1})
            session = boto3.session.Session("test", "test", region_name=aws.region)
            return session.client(service, endpoint_url=aws.endpoint_url, config=config)

        s3, sagemaker, runtime = client("s3"), client("sagemaker"), client("sagemaker-runtime")
        s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": aws.region})
        s3.put_object(Bucket="bench", Key="model.tar.gz", Body=archive(folder, checkout))
        container = {"Image": "000000000000.dkr.ecr.eu-west-1.amazonaws.com/bench-ml:1"}
        container |= {"ModelDataUrl": "s3://bench/model.tar.gz"}  # type: ignore[operator]
        sagemaker.create_model(ModelName="bench", PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {"VariantName": "A", "ModelName": "bench", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(EndpointConfigName="bench", ProductionVariants=[variant])
        began = time.perf_counter()
        sagemaker.create_endpoint(EndpointName="bench", EndpointConfigName="bench")
        while sagemaker.describe_endpoint(EndpointName="bench")["EndpointStatus"] == "Creating":
            time.sleep(0.05)
        ready = time.perf_counter() - began

        def invoke(row: bytes) -> float:
            began = time.perf_counter()
            runtime.invoke_endpoint(EndpointName="bench", Body=row, ContentType="text/csv")["Body"].read()
            return time.perf_counter() - began

        seconds = [invoke(rows[i % len(rows)]) for i in range(CALLS // 2)]
    return {"endpoint_start_s": ready, **quantiles("invoke_endpoint", seconds[len(seconds) // 4 :])}


def archive(folder: Path, checkout: Path) -> bytes:
    code = files_below(checkout, "inference", "features")
    files = {"code/serve.py": code.pop("inference/serve.py"), **{f"code/{path}": text for path, text in code.items()}}
    model = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    return tarred({**files, **model})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, help="another checkout, whose server is measured in the same run")
    beside = parser.parse_args().beside
    os.environ["OMP_NUM_THREADS"] = "1"
    checkouts = {"ours": ROOT, **({"beside": beside.resolve()} if beside else {})}
    print(json.dumps(measure(Teller(sys.stderr), checkouts), indent=1))
