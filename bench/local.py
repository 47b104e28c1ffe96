"""The local AWS: starts, calls, functions, endpoints, jobs, each beside the same thing without it, in one run.

`call_us` is one GetParameter beside `bare_call_us`, the same client's call answered by a server that does nothing: a
record and a warm function are held against it too, and InvokeEndpoint together with the model server's own answer;
`function_start_ms` a new function beside `process_start_ms`, a Python that starts and ends; `endpoint_start_s` beside
`server_start_alone_s`, the same model server as a plain process; `first_job_s` and `next_job_s` a small Glue job with
an empty pool and one that finds the Java machine of the first, beside `spark_submit_s`, the same script by spark-submit
alone.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import uvicorn
from botocore.config import Config

from local import lifecycle
from local.spark_home import SUBMIT
from tools.telling import Teller

CALLS, STARTS, JOBS = 500, 5, 3
PARTNERS = ("lambda", "glue", "sagemaker")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": [f"{name}.amazonaws.com" for name in PARTNERS]},
            "Action": "sts:AssumeRole",
        }
    ],
}
JOB = """
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.getOrCreate()
rows = spark.range(1000).groupBy((F.col("id") % 7).alias("key")).agg(F.sum("id"))
assert rows.count() == 7
"""


def measure(teller: Teller) -> dict:
    """Seconds and milliseconds tell the machine; the ratios tell the program."""
    with teller.phase("server starts", ("calls", "functions", "records", "jobs")):
        started = statistics.median(server_starts())
    with tempfile.TemporaryDirectory(prefix="bench-local-") as state, lifecycle.running(state) as aws:
        clients = Clients(aws.endpoint_url, aws.region)
        steps = {
            "calls": lambda: calls(clients),
            "functions": lambda: functions(clients),
            "records": lambda: records(clients),
            "jobs": lambda: jobs(clients, Path(state)),
        }
        found = {"server_start_s": started}
        for of_step in teller.through(steps).values():
            found |= of_step
        return found


def server_starts() -> Iterator[float]:
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory(prefix="bench-local-") as state:
            begun = time.perf_counter()
            with lifecycle.running(state):
                yield time.perf_counter() - begun


def beside(found: dict) -> dict:
    """The figures with their ratios to what the same thing takes without the local AWS."""
    bare = found["bare_call_us"]
    return {
        **found,
        "call_ratio": found["call_us"] / bare,
        "put_record_ratio": found["put_record_ms"] * 1000 / bare,
        "function_call_ratio": found["function_call_ms"] * 1000 / bare,
        "function_start_ratio": found["function_start_ms"] / found["process_start_ms"],
        "invoke_endpoint_ratio": found["invoke_endpoint_p50_us"] / (bare + found["alone_p50_us"]),
        "endpoint_start_ratio": found["endpoint_start_s"] / found["server_start_alone_s"],
        "next_job_ratio": found["next_job_s"] / found["spark_submit_s"],
        "score_cpu_ratio": found["score_cpu_us"] / found["ping_cpu_us"],
    }


class Clients:
    def __init__(self, endpoint: str, region: str) -> None:
        self.endpoint, self.region = endpoint, region
        self.session = boto3.session.Session("test", "test", region_name=region)

    def __call__(self, service: str, endpoint: str | None = None) -> Any:
        config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        return self.session.client(service, endpoint_url=endpoint or self.endpoint, config=config)  # type: ignore[call-overload]

    def role(self) -> str:
        role = self("iam").create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(TRUST))
        policy = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
        self("iam").put_role_policy(RoleName="bench", PolicyName="everything", PolicyDocument=policy)
        return role["Role"]["Arn"]


def calls(clients: Clients) -> dict:
    ssm = clients("ssm")
    ssm.put_parameter(Name="bench", Value="v", Type="String")
    taken = median_us(lambda: ssm.get_parameter(Name="bench"), CALLS)
    answer = json.dumps({"Parameter": {"Name": "bench", "Type": "String", "Value": "v", "Version": 1}}).encode()
    with answering(answer) as url:
        bare = clients("ssm", url)
        untouched = median_us(lambda: bare.get_parameter(Name="bench"), CALLS)
    return {"call_us": taken, "bare_call_us": untouched}


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A server on loopback that gives one answer to everything."""

    async def application(scope: dict, receive: Callable, send: Callable) -> None:
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/x-amz-json-1.1"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(application, port=0, lifespan="off", log_level="error", access_log=False)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def functions(clients: Clients) -> dict:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("function.py", "def handler(event, context):\n    return event\n")
    functions, cold = clients("lambda"), []
    role = clients.role()
    for number in range(STARTS):
        settings = {"FunctionName": f"bench-{number}", "Runtime": "python3.13", "Role": role}
        functions.create_function(**settings, Handler="function.handler", Code={"ZipFile": archive.getvalue()})
        begun = time.perf_counter()
        functions.invoke(FunctionName=f"bench-{number}", Payload=b"1")
        cold.append((time.perf_counter() - begun) * 1000)
    process = median_us(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 10) / 1000
    warm = median_us(lambda: functions.invoke(FunctionName="bench-0", Payload=b"1"), CALLS) / 1000
    return {
        "function_start_ms": statistics.median(cold),
        "process_start_ms": process,
        "function_call_ms": warm,
    }


def records(clients: Clients) -> dict:
    """Online records: written one by one, read a hundred at a time."""
    sagemaker, runtime = clients("sagemaker"), clients("sagemaker-featurestore-runtime")
    sagemaker.create_feature_group(
        FeatureGroupName="bench",
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=[{"FeatureName": n, "FeatureType": "String"} for n in ("id", "at", "state")],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    while sagemaker.describe_feature_group(FeatureGroupName="bench")["FeatureGroupStatus"] == "Creating":
        time.sleep(0.05)

    def put(number: int) -> None:
        values = {"id": f"c{number % 100}", "at": "2025-06-01T00:00:00Z", "state": "s" * 2_000}
        record = [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
        runtime.put_record(FeatureGroupName="bench", Record=record)

    written = statistics.median(seconds(lambda n=n: put(n)) for n in range(CALLS)) * 1000
    asked = [{"FeatureGroupName": "bench", "RecordIdentifiersValueAsString": [f"c{n}" for n in range(100)]}]
    read = median_us(lambda: runtime.batch_get_record(Identifiers=asked), 50) / 1000
    return {"put_record_ms": written, "get_100_records_ms": read}


def jobs(clients: Clients, folder: Path) -> dict:
    s3, glue = clients("s3"), clients("glue")
    s3.create_bucket(Bucket="bench", CreateBucketConfiguration={"LocationConstraint": clients.region})
    s3.put_object(Bucket="bench", Key="job.py", Body=JOB.encode())
    command = {"Name": "glueetl", "ScriptLocation": "s3://bench/job.py"}
    role = clients("iam").get_role(RoleName="bench")["Role"]["Arn"]
    size = {"GlueVersion": "5.1", "WorkerType": "G.1X", "NumberOfWorkers": 2}
    glue.create_job(Name="bench", Role=role, Command=command, **size)

    def run() -> None:
        started = glue.start_job_run(JobName="bench")["JobRunId"]
        while (state := glue.get_job_run(JobName="bench", RunId=started)["JobRun"])["JobRunState"] != "SUCCEEDED":
            if state["JobRunState"] in ("FAILED", "TIMEOUT", "STOPPED"):
                raise RuntimeError(state.get("ErrorMessage", state["JobRunState"]))
            time.sleep(0.05)

    script = folder / "job.py"
    script.write_text(JOB)
    submit = [str(SUBMIT), "--conf", "spark.ui.enabled=false", str(script)]
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    alone = seconds(lambda: subprocess.run(submit, env={**os.environ, **python}, check=True, capture_output=True))
    first = seconds(run)
    following = statistics.median(seconds(run) for _ in range(JOBS))
    return {
        "spark_submit_s": alone,
        "first_job_s": first,
        "next_job_s": following,
    }


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def median_us(work: Callable[[], object], times: int) -> float:
    return float(np.median([seconds(work) for _ in range(times)])) * 1e6
