"""The deployed platform as a client uses it: start, wait, ask. Everything goes through AWS's API."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlparse

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from release.dossier import OVERRIDE

from tools import athena, releases

POLL_SECONDS = 1.0
ASKED_AGAIN = 3


class StepFailed(RuntimeError):
    """Something the demo started ended badly; the text carries what it said of itself."""


class Refused(RuntimeError):
    """What was given cannot be done; the text says what was expected. Nothing was changed."""


@dataclass
class Platform:
    """`outputs` are Terraform's; `session` is whose credentials are used, those of the process where none is given."""

    outputs: dict
    clients: dict[str, Any] = field(default_factory=dict)
    making: Lock = field(default_factory=Lock, repr=False)
    session: boto3.Session | None = field(default=None, repr=False)

    def client(self, name: str) -> Any:
        with self.making:  # steps run side by side, and boto3 makes clients safely in one thread only
            if name not in self.clients:
                self.clients[name] = (self.session or boto3).client(name)  # type: ignore[call-overload]
            return self.clients[name]

    @property
    def prefix(self) -> str:
        return self.outputs["prefix"]

    @property
    def lake(self) -> str:
        return self.outputs["lake_bucket"]

    # Files

    def upload(self, path: Path, key: str) -> None:
        self.client("s3").upload_file(str(path), self.lake, key)

    def keys(self, prefix: str) -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.lake, Prefix=prefix)
        return [o["Key"] for page in pages for o in page.get("Contents", ())]

    def read(self, key: str) -> bytes:
        return self.client("s3").get_object(Bucket=self.lake, Key=key)["Body"].read()

    def json(self, key: str):
        return json.loads(self.read(key))

    # State machines and pipelines

    def run_machine(self, name: str, given: dict, told: Callable[[str], None] = lambda state: None) -> None:
        """Starts a state machine, tells each state it enters, and waits. Raises StepFailed with the job's error."""
        machines = self.client("stepfunctions")
        execution = machines.start_execution(
            stateMachineArn=self.outputs["state_machines"][name], input=json.dumps(given)
        )["executionArn"]
        entered: list[str] = []

        def ask() -> dict:
            history = machines.get_execution_history(executionArn=execution, maxResults=1000)["events"]
            states = [e["stateEnteredEventDetails"]["name"] for e in history if e["type"] == "TaskStateEntered"]
            for state in states:
                if state not in entered:
                    entered.append(state)
                    told(state)
            return machines.describe_execution(executionArn=execution)

        done = wait(ask, lambda d: d["status"] != "RUNNING", hours=2)
        if done["status"] != "SUCCEEDED":
            raise StepFailed(f"{name} {done['status']}: {done.get('error', '')} {explain(done.get('cause'))}")

    def train(self, problem: str, as_of: str, **given: str) -> dict:
        """Runs a training pipeline, `given` its further parameters. Returns the package's ARN and its evaluation."""
        sagemaker = self.client("sagemaker")
        execution, status = self.run_pipeline(problem, {"AsOf": as_of, **given})
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)["PipelineExecutionSteps"]
        if status != "Succeeded":
            reasons = [f"{s['StepName']}: {s['FailureReason']}" for s in steps if s.get("FailureReason")]
            raise StepFailed(f"the {problem} pipeline {status}: {'; '.join(reasons)}")
        package = next(s["Metadata"]["RegisterModel"]["Arn"] for s in steps if "RegisterModel" in s["Metadata"])
        return {"package": package, "evaluation": self.evaluation(package)}

    def run_pipeline(self, problem: str, given: Mapping[str, str]) -> tuple[str, str]:
        """Runs a training pipeline to its end. Returns the ARN of the execution and how it ended."""
        sagemaker = self.client("sagemaker")
        execution = sagemaker.start_pipeline_execution(
            PipelineName=f"{self.prefix}-{problem}",
            PipelineParameters=[{"Name": name, "Value": value} for name, value in given.items()],
        )["PipelineExecutionArn"]
        done = wait(
            lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution),
            lambda d: d["PipelineExecutionStatus"] not in ("Executing", "Stopping"),
            hours=2,
        )
        return execution, done["PipelineExecutionStatus"]

    def evaluation(self, package: str) -> dict:
        return json.loads(self.beside_evaluation(package, "evaluation.json"))

    def beside_evaluation(self, package: str, name: str) -> bytes:
        """A file that the evaluation of a registered version left: the evaluation itself, or one beside it."""
        described = self.client("sagemaker").describe_model_package(ModelPackageName=package)
        location = urlparse(described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])
        return self.read(f"{location.path.lstrip('/').rpartition('/')[0]}/{name}")

    def approve(self, package: str, reason: str = "") -> None:
        """A reason to let it serve in spite of its dossier is kept with the approval; the text of one before is not."""
        sagemaker = self.client("sagemaker")
        if sagemaker.describe_model_package(ModelPackageName=package)["ModelApprovalStatus"] == "Approved":
            # EventBridge may tell of no change, and nothing would be released.
            sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="PendingManualApproval")
        said = f"{OVERRIDE}{reason}" if reason.strip() else "approved by its dossier"
        sagemaker.update_model_package(
            ModelPackageArn=package, ModelApprovalStatus="Approved", ApprovalDescription=said
        )

    def standing(self, problem: str) -> tuple[dict, str | None]:
        """What is released, and the release's last run."""
        return self.released(problem), self.last_run(problem)

    def await_release(
        self, problem: str, package: str, after: str | None = None, before: tuple[dict, str | None] | None = None
    ) -> dict:
        """Waits until the package has all traffic, or is what batches are scored with, and returns what is released.
        `after` is when what was released before was approved, where that may be the same package. `before` is what was
        `standing` before the approval: without it a run that has ended by now is taken for an earlier one.

        Raises StepFailed when the release was undone, or its run failed.
        """
        first, last = before or self.standing(problem)

        def ready(found: dict) -> bool:
            if found["model_package_arn"] == package and found.get("approved_at") != after:
                return found.get("promoted", True)
            undone = found.get("undone")
            if undone and undone != first.get("undone") and undone["model_package_arn"] == package:
                raise StepFailed(f"{undone['model_name']} was rolled back: {undone['why']}")
            run = self.last_run(problem)
            if run and run != last and run.rpartition(":")[2].startswith(f"{problem}-{package.rpartition('/')[2]}-"):
                self.require_alive(run)
            return False

        return wait(
            lambda: self.released(problem),
            ready,
            hours=2,  # a canary and what follows it take a quarter of an hour, and another release may come first
            what=f"{problem} package to be released: make errors OF=release says what hinders it",
        )

    def released(self, problem: str) -> dict:
        return releases.released(self.client("dynamodb"), self.prefix, problem)

    def last_run(self, problem: str) -> str | None:
        """ARN of the run of the release that was started last."""
        return releases.last_run(self.client("dynamodb"), self.prefix, problem)

    def require_alive(self, run: str) -> None:
        """Raises StepFailed unless the run goes on or went well."""
        described = self.client("stepfunctions").describe_execution(executionArn=run)
        if described["status"] not in ("RUNNING", "SUCCEEDED"):
            raise StepFailed(
                f"the release {described['status']}: {described.get('error', '')} {explain(described.get('cause'))}"
            )

    def await_endpoint(self, config: str) -> None:
        described = wait(
            lambda: self.client("sagemaker").describe_endpoint(EndpointName=self.outputs["endpoint_name"]),
            lambda d: d["EndpointStatus"] in ("InService", "Failed", "OutOfService", "UpdateRollbackFailed"),
            hours=0.5,
        )
        if described["EndpointStatus"] != "InService" or described["EndpointConfigName"] != config:
            raise StepFailed(
                f"the endpoint is {described['EndpointStatus']} with {described['EndpointConfigName']}, "
                f"expected {config}: {described.get('FailureReason', 'it was rolled back')}"
            )

    # Athena

    def query(self, database: str, sql: str) -> list[dict[str, str]]:
        """Runs a query in the analysts' workgroup and returns its rows as text."""
        analysts = athena.Analysts(self.client("athena"), self.prefix, self.outputs["athena_workgroup"])
        try:
            return analysts.ask(database, sql)
        except athena.QueryFailed as failed:
            raise StepFailed(str(failed)) from None

    # Payments

    def stream(self, messages: Iterable[dict], per_second: float, told: Callable[[int], None]) -> int:
        """Puts payments on the stream in order, at most `per_second`. What the stream did not take is put again."""
        kinesis, sent, begun = self.client("kinesis"), 0, time.monotonic()
        for chunk in chunks(messages, 100):
            entries = [{"Data": json.dumps(m).encode(), "PartitionKey": m["customer_id"]} for m in chunk]
            while entries:
                answer = kinesis.put_records(StreamName=self.outputs["stream_name"], Records=entries)
                entries = [e for e, r in zip(entries, answer["Records"], strict=True) if r.get("ErrorCode")]
            sent += len(chunk)
            told(sent)
            time.sleep(max(0.0, begun + sent / per_second - time.monotonic()))
        return sent

    def ask(self, fields: dict) -> tuple[dict, float]:
        """Asks the API door to decide. Returns the answer and how many milliseconds it took."""
        answer, took = self.post(json.dumps(fields).encode())
        if answer.status_code != 200:
            raise StepFailed(f"the API door answered {answer.status_code}: {answer.text[:500]}")
        return answer.json(), took

    def post(self, body: bytes) -> tuple[httpx.Response, float]:
        """What the API door answers to a body, whatever that is, and how many milliseconds it took."""
        url, headers = self.api
        request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json", **headers})
        self.signer.add_auth(request)
        begun = time.perf_counter()
        for _ in range(ASKED_AGAIN):
            answer = self.http.post(url, content=body, headers=dict(request.headers))
            if answer.status_code != 503:  # the door asks to be asked again, and gives the same answer
                break
        return answer, (time.perf_counter() - begun) * 1000

    @cached_property
    def signer(self) -> SigV4Auth:
        credentials = (self.session or boto3.Session()).get_credentials()
        if credentials is None:
            raise StepFailed("the API door wants a signed request, and no AWS credentials are set")
        return SigV4Auth(credentials, "execute-api", os.environ["AWS_REGION"])

    @cached_property
    def http(self) -> httpx.Client:
        return httpx.Client(timeout=30)

    @property
    def api(self) -> tuple[str, dict[str, str]]:
        """Where the door is: API Gateway's own name, which an endpoint override reaches by the Host header."""
        url = self.outputs["api_url"]
        override = os.environ.get("AWS_ENDPOINT_URL")
        if not override:
            return f"{url}/decisions", {}
        parts = urlparse(url)
        identifier = parts.netloc.partition(".")[0]
        host = f"{identifier}.execute-api.localhost:{urlparse(override).port}"
        return f"{override}{parts.path}/decisions", {"host": host}

    def decisions(self, day: str) -> list[dict]:
        """Every decision in the day's log."""
        return [decision for lines in self._logged(day, {}).values() for decision in lines]

    def _logged(self, day: str, known: dict[str, list[dict]]) -> dict[str, list[dict]]:
        """The lines of every object of the day's log. What is `known` is not read again: it is never written over."""
        new = [key for key in self.keys(f"decisions/decision_date={day}/") if key not in known]
        with ThreadPoolExecutor(8) as pool:
            read = [[json.loads(line) for line in body.splitlines()] for body in pool.map(self.read, new)]
        return {**known, **dict(zip(new, read, strict=True))}

    def await_decisions(
        self, day: str, expected: int, told: Callable[[int], None], patience_s: float = 60
    ) -> list[dict]:
        """Reads the day's log until every payment is decided, or nothing new comes for `patience_s`."""
        known: dict[str, list[dict]] = {}
        decided: set[str] = set()
        last_news = time.monotonic()
        while True:
            before, known = known, self._logged(day, known)
            if len(known) > len(before):
                decided |= {d["transaction_id"] for key in known.keys() - before.keys() for d in known[key]}
                told(len(decided))
                last_news = time.monotonic()
            if len(decided) >= expected or time.monotonic() - last_news > patience_s:
                return [decision for lines in known.values() for decision in lines]
            time.sleep(POLL_SECONDS)


def wait(ask: Callable[[], dict], ready: Callable[[dict], bool], hours: float, what: str = "an answer") -> dict:
    """Asks until ready. Raises StepFailed when the time is up."""
    until = time.monotonic() + hours * 3600
    while time.monotonic() < until:
        answer = ask()
        if ready(answer):
            return answer
        time.sleep(POLL_SECONDS)
    raise StepFailed(f"waited {hours} hours for {what}")


def explain(cause: str | None) -> str:
    """The error message inside a failed task's cause, which is JSON for jobs and text otherwise."""
    try:
        document = json.loads(cause or "")
    except ValueError:
        return cause or ""
    said = (
        document.get("ErrorMessage") or document.get("FailureReason") or document.get("errorMessage")
        if isinstance(document, dict)
        else None
    )
    return str(said or cause)


def chunks(items: Iterable[dict], size: int) -> Iterable[list[dict]]:
    chunk: list[dict] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def moment(at: datetime) -> str:
    """To the minute, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
