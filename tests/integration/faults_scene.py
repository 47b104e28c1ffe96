"""The deployed platform with a wire that can be cut between its doors and AWS, and the recount from the lake."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import io
import json
import math
import os
import re
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlparse

import boto3
import psutil
import pyarrow.parquet as pq
from release.promotion import pending

from features.declaration import COUNTED, DAY, IDENTIFIERS, EntityName
from features.payment import Payment
from features.state import State, fingerprint
from features.traffic import TRAFFIC_LAYOUTS
from features.values import iso
from features.vector import (
    ACCOUNT_LAYOUT,
    CUSTOMER_LAYOUT,
    MERCHANT_LAYOUT,
    VERSIONS,
    Knowledge,
    cells_of,
    fraud_vector,
)
from tests.integration.labels_door import told
from tests.integration.permissions import TOLD_BY_SERVICES
from tests.waiting import PATIENCE_S, Late, eventually
from tools.archives import tarred
from tools.operate.platform import Platform
from tools.releases import live, releases_table
from tools.replay.__main__ import replay

FIRST = 1_748_736_000_000  # 2025-06-01
DOORS = ("stream", "decide")
ALL_ONCE: dict[str, list] = {}  # what a recount finds when nothing is wrong
OBJECT = re.compile(r"decisions/decision_date=[\d-]+/shardId-\d+-(\d+)-(\d+)-[0-9a-f]{8}\.json")
# What two lines of one decision may differ in: what the payer was told is none of it. What it would have been, had the
# door known more, is judged by what is known and by which model can be reached when the line is written.
OF_A_RETRY = ("decided_at", "arrived_at", "traffic", "judged_again")

Kind = Literal["denied", "throttled", "silent", "unanswered", "killed", "killed_after"]
ERRORS = {"denied": (403, "AccessDeniedException"), "throttled": (400, "ThrottlingException")}


@dataclass
class Cut:
    """One operation that fails: refused with AWS's own error, never answered, done and its answer lost, or ended with
    its caller, before it was done or after. Of more than `most` calls the later ones succeed."""

    operation: str
    kind: Kind
    where: str = ""
    most: float = math.inf
    hits: int = 0
    over: threading.Event = field(default_factory=threading.Event)


class Wire:
    """A plain HTTP relay before AWS's endpoint. The functions' settings name it as their endpoint."""

    def __init__(self, endpoint: str) -> None:
        self.target = urlparse(endpoint).netloc
        self.cuts: list[Cut] = []
        wire = self

        class Relay(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def handle_expect_100(self) -> bool:
                done = super().handle_expect_100()
                self.wfile.flush()  # else a client that puts an object waits a second for it
                return done

            def relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                cut = wire.cut_of(self.path, operation_of(self.command, self.path, self.headers, body))
                if cut is not None and cut.kind in ERRORS:
                    return self.refuse(*ERRORS[cut.kind])
                caller = None
                if cut is not None and cut.kind in ("killed", "killed_after"):
                    if (caller := self.frozen_caller()) is None:
                        cut.hits -= 1
                        self.close_connection = True
                        return None
                    if cut.kind == "killed":
                        return self.kill(caller)
                if cut is not None and cut.kind == "silent":
                    cut.over.wait(PATIENCE_S)
                    self.close_connection = True
                    return None
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("expect", "connection")}
                # A connection of its own: one that is kept may be closed by the server just when it is used again.
                onward = http.client.HTTPConnection(wire.target, timeout=PATIENCE_S)
                try:
                    onward.request(self.command, self.path, body, headers)
                    answer = onward.getresponse()
                    said = answer.read()
                    onward.close()
                finally:
                    if caller is not None:
                        self.kill(caller)
                if cut is not None:
                    self.close_connection = True
                    return None
                kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("connection", "transfer-encoding")]
                return self.answer(answer.status, kept, said)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = relay

            def frozen_caller(self) -> int | None:
                """The process that waits for this answer, stopped where it is: it shall not run out of patience and go
                on before it is killed. None if it has done so already."""
                calling = (self.client_address[1], self.server.server_address[1])
                for connection in psutil.net_connections("tcp4"):
                    if not connection.raddr or connection.pid is None:
                        continue
                    if (connection.laddr.port, connection.raddr.port) == calling:
                        os.kill(connection.pid, signal.SIGSTOP)
                        return connection.pid
                return None

            def kill(self, caller: int) -> None:
                """As a container dies that runs out of memory: at once, in the midst of a call."""
                os.kill(caller, signal.SIGKILL)
                self.close_connection = True

            def refuse(self, status: int, code: str) -> None:
                told = f"<Error><Code>{code}</Code></Error>" if self.command == "PUT" else json.dumps({"__type": code})
                if "urlencoded" in self.headers.get("Content-Type", ""):
                    told = f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"
                self.answer(status, [("x-amzn-errortype", code)], told.encode())

            def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() != "content-length":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def cut_of(self, path: str, operation: str) -> Cut | None:
        for cut in self.cuts:
            if cut.operation == operation and cut.where in path and cut.hits < cut.most:
                cut.hits += 1
                return cut
        return None

    @contextmanager
    def cut(self, operation: str, kind: Kind, where: str = "", most: float = math.inf) -> Iterator[Cut]:
        """While it lasts, calls of the operation whose path holds `where` fail, `most` of them."""
        cut = Cut(operation, kind, where, most)
        self.cuts.append(cut)
        try:
            yield cut
        finally:
            self.cuts.remove(cut)
            cut.over.set()


def operation_of(method: str, path: str, headers: Any, body: bytes) -> str:
    """AWS's name for a request, from where its protocol says it."""
    if target := headers.get("X-Amz-Target"):
        return target.rpartition(".")[2]
    if "/operation/" in path:
        return path.rpartition("/")[2]
    if path.endswith("/invocations"):
        return "InvokeEndpoint"
    if named := re.match(rb"Action=(\w+)", body):
        return named[1].decode()
    return path.strip("/") if method == "POST" else f"{method.capitalize()}Object"


@dataclass
class Scene:
    """`ears` is a queue that hears every alert."""

    platform: Platform
    wire: Wire
    ears: str
    alerts: list[str] = field(default_factory=list, repr=False)
    known: dict[tuple[str, str], list[dict]] = field(default_factory=dict, repr=False)

    def client(self, name: str) -> Any:
        return self.platform.client(name)

    def start_doors_anew(self) -> None:
        """New instances, which have read nothing yet."""
        functions = self.client("lambda")
        for name in (f"{self.platform.prefix}-{door}" for door in DOORS):
            before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            set_variables(functions, name, before)

    # Payments

    def pay(self, payments: Iterable[dict]) -> None:
        self.platform.stream(payments, float("inf"), lambda sent: None)

    def put(self, *records: bytes, key: str) -> None:
        """Records as they are, in one shard one behind the other. In one request, or as the shard takes them: a
        megabyte a second."""
        kinesis, stream = self.client("kinesis"), self.platform.outputs["stream_name"]
        if sum(map(len, records)) < 2**19:
            left = [{"Data": record, "PartitionKey": key} for record in records]

            def all_taken() -> bool:
                said = kinesis.put_records(StreamName=stream, Records=left)["Records"]
                left[:] = [entry for entry, one in zip(left, said, strict=True) if one.get("ErrorCode")]
                return not left

            eventually(all_taken)
            return

        def taken(record: bytes) -> bool:
            with contextlib.suppress(kinesis.exceptions.ProvisionedThroughputExceededException):
                kinesis.put_record(StreamName=stream, Data=record, PartitionKey=key)
                return True
            return False

        for record in records:
            eventually(lambda record=record: taken(record), "room in the shard")

    def tell(self, paid: Iterable[dict]) -> None:
        """What the stream door tells merchants of payments, without that door."""
        entries = [
            {
                "Data": json.dumps(
                    {
                        **{name: p[name] for name in ("transaction_id", "merchant_id")},
                        "at": Payment.parse(p).at,
                        "amount_cents": Payment.parse(p).amount,
                    }
                ).encode(),
                "PartitionKey": p["merchant_id"],
            }
            for p in paid
        ]
        self.client("kinesis").put_records(StreamName=f"{self.platform.prefix}-merchants", Records=entries)

    @contextmanager
    def wired(self, function: str) -> Iterator[None]:
        """One that is none of the doors reaches AWS over the wire, too. Otherwise it does not: it calls what the doors
        call."""
        functions, name = self.client("lambda"), f"{self.platform.prefix}-{function}"
        before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        set_variables(functions, name, {**before, "AWS_ENDPOINT_URL": self.wire.url})
        try:
            yield
        finally:
            set_variables(functions, name, before)

    def ask(self, payment: dict) -> dict:
        return self.platform.ask(payment)[0]

    def label(self, label: dict) -> dict:
        return told(self.platform, label)

    # What became of them

    def logged(self) -> list[dict]:
        """Every line of the decision log in the order in which the doors wrote them for a customer.

        That is the order of the shards' sequence numbers. Where a batch came again it was cut, or some of it was
        applied already: of two objects that begin with the same record the one with fewer lines is the later one.
        """
        found = []
        for key, lines in self.objects("decisions/"):
            named = OBJECT.fullmatch(key)
            assert named, f"{key} is no name of the log"
            found += [((int(named[1]), -int(named[2]), place), line) for place, line in enumerate(lines)]
        return [line for _, line in sorted(found, key=lambda pair: pair[0])]

    def objects(self, prefix: str) -> Iterator[tuple[str, list[dict]]]:
        """JSON lines by key. What was read once is not read again unless it was written over."""
        s3 = self.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.platform.lake, Prefix=prefix):
            for item in page.get("Contents", ()):
                version = (item["Key"], item["ETag"] + str(item["LastModified"]))
                if version not in self.known:
                    self.known[version] = [json.loads(line) for line in self.platform.read(item["Key"]).splitlines()]
                yield item["Key"], self.known[version]

    def decided(self, payments: Iterable[dict]) -> dict[str, dict]:
        """The last line of each payment that is in the log, by identifier: it is the one that was applied."""
        wanted = identifiers(payments)
        return {line["transaction_id"]: line for line in self.logged() if line["transaction_id"] in wanted}

    def await_decided(self, payments: list[dict]) -> dict[str, dict]:
        eventually(lambda: len(self.decided(payments)) == len(identifiers(payments)))
        return self.decided(payments)

    def lines_of(self, payments: Iterable[dict]) -> int:
        wanted = identifiers(payments)
        return sum(line["transaction_id"] in wanted for line in self.logged())

    def states(self, customers: Iterable[str]) -> dict[str, str]:
        """The stored text of each customer's state."""
        runtime, group = self.client("sagemaker-featurestore-runtime"), f"{self.platform.prefix}-customer"
        found = {}
        for customer in customers:
            record = runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=customer).get("Record")
            texts = {f["FeatureName"]: f["ValueAsString"] for f in record or ()}
            found[customer] = texts.get("state", "")
        return found

    def publish(self, customer: str, state: State) -> None:
        """A customer's record as a night publishes it now."""
        values = {
            "customer_id": customer,
            "event_time": iso(int(time.time() * 1000)),
            "feature_version": VERSIONS["customer"],
            "state": state.dump(),
        }
        self.client("sagemaker-featurestore-runtime").put_record(
            FeatureGroupName=f"{self.platform.prefix}-customer",
            TargetStores=["OnlineStore"],
            Record=[{"FeatureName": name, "ValueAsString": value} for name, value in values.items()],
        )

    def traffic(self, whose: str, entity: EntityName = "traffic") -> list[int]:
        """Fingerprints of the payments that a record of traffic counts, as often as it does."""
        runtime, group = (
            self.client("sagemaker-featurestore-runtime"),
            f"{self.platform.prefix}-{entity.replace('_', '-')}",
        )
        record = runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=whose).get("Record")
        texts = {f["FeatureName"]: f["ValueAsString"] for f in record or ()}
        return sorted(json.loads(texts["state"])["remembered"]) if texts else []

    def frauds(self, merchant: str, at: int) -> int:
        """How many payments at a merchant rules know to be fraud at a moment (ms)."""
        asked = {"FeatureGroupName": f"{self.platform.prefix}-traffic", "RecordIdentifierValueAsString": merchant}
        record = self.client("sagemaker-featurestore-runtime").get_record(**asked).get("Record")
        texts = {f["FeatureName"]: f["ValueAsString"] for f in record or ()}
        if not texts:
            return 0
        return State.load(texts["state"], TRAFFIC_LAYOUTS["traffic"]).counted(at)["traffic_label_fraud_1d"] or 0

    def recount(self, payments: Iterable[dict], twice: Iterable[dict] = ()) -> dict[str, list]:
        """What is wrong with the log, the late payments and the records of these payments' customers and merchants.

        Every payment is fed once, in the order in which the log says that they count, to the feature engine, which
        knows nothing else. Those of `twice` must have two different decisions, all others one. Asks again until nothing
        is wrong: the log is written before the records.
        """
        paid, doubled = list(payments), list(twice)
        with contextlib.suppress(Late):
            eventually(lambda: not self.wrong(paid, doubled))
        return self.wrong(paid, doubled)

    def wrong(self, payments: Iterable[dict], twice: Iterable[dict] = ()) -> dict[str, list]:
        """As `recount`, now."""
        return self._recounted({p["transaction_id"]: p for p in payments}, identifiers(twice))

    def _recounted(self, paid: dict[str, dict], twice: set[str]) -> dict[str, list]:
        parsed = {identifier: Payment.parse(fields) for identifier, fields in paid.items()}
        customers = {p.customer_id for p in parsed.values()}
        lines = [line for line in self.logged() if line["customer_id"] in customers]
        applied = {line["transaction_id"]: place for place, line in enumerate(lines)}
        in_order = sorted(applied.keys() & paid.keys(), key=lambda i: (lines[applied[i]]["counted_at"], applied[i]))
        told: dict[str, list[dict]] = {}
        for line in lines:
            told.setdefault(line["transaction_id"], []).append(line)
        states = {customer: State(CUSTOMER_LAYOUT) for customer in customers}
        vectors, late = [], set()
        for identifier in in_order:
            payment, line = parsed[identifier], lines[applied[identifier]]
            state = states[payment.customer_id]
            about = Knowledge(state, State(MERCHANT_LAYOUT), State(ACCOUNT_LAYOUT))
            at = about.counts_at(payment.at, line["arrived_at"])
            cells = cells_of(payment.at, payment.further)
            wanted = fraud_vector(payment.at, at, payment.amount, payment.merchant_id, about, cells)
            # The API door may have answered before earlier payments had been applied: the log must say so.
            if line["counted_at"] != at or line["overtaken"] != (line["vector"] != wanted):
                vectors.append(identifier)
            if line["overtaken"] and line["door"] != "api":
                vectors.append(identifier)
            state.pay(at, payment.amount, payment.merchant_id, identifier, cells)
            if at != payment.at:
                late.add((identifier, at))
        noted: dict[str, int] = {}  # the last one stands, as in the lake
        for line in (line for _, written in self.objects("late/") for line in written):
            if line["transaction_id"] in paid:
                noted[line["transaction_id"]] = max(line["counted_at"], noted.get(line["transaction_id"], 0))
        stored = self.states(customers)
        counted: dict[tuple[EntityName, str], list[int]] = {}
        for identifier, payment in parsed.items():
            for entity in COUNTED:
                if whose := payment.identifier(IDENTIFIERS[entity]):
                    marks = counted.setdefault((entity, whose), [])
                    marks += [fingerprint(identifier)] if identifier in applied else []
        found = {
            "missing": sorted(paid.keys() - told.keys()),
            "never paid": sorted(told.keys() - paid.keys()),
            "decided in two ways": sorted(
                {i for i, of in told.items() if any(same(d) != same(of[0]) for d in of)} ^ twice
            ),
            "other vectors": vectors,
            "other states": [c for c, state in states.items() if state.clock >= 0 and stored[c] != state.dump()],
            "late otherwise": sorted(late ^ set(noted.items())),
            "counted otherwise in their traffic": [
                whose for (entity, whose), marks in counted.items() if self.traffic(whose, entity) != sorted(marks)
            ],
        }
        return {what: which for what, which in found.items() if which}

    def reshard(self, count: int) -> int:
        """Asks for so many open shards; how many were closed for it."""
        kinesis, name = self.client("kinesis"), self.platform.outputs["stream_name"]

        def closed() -> int:
            shards = kinesis.list_shards(StreamName=name)["Shards"]
            return sum("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in shards)

        def taking() -> int:
            told = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            return told["OpenShardCount"] if told["StreamStatus"] == "ACTIVE" else 0

        before = closed()
        kinesis.update_shard_count(StreamName=name, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        eventually(lambda: taking() == count)
        return closed() - before

    def read_by_analysts(self, day: str) -> dict[str, int]:
        """Decisions of a day by action, as the analysts' view counts them."""
        glue, crawler = self.client("glue"), f"{self.platform.prefix}-decisions"
        glue.start_crawler(Name=crawler)
        eventually(lambda: glue.get_crawler(Name=crawler)["Crawler"]["State"] == "READY")
        sql = (
            f"SELECT action, sum(decisions) AS n FROM decisions_by_action WHERE decision_date = '{day}' GROUP BY action"
        )
        return {row["action"]: int(row["n"]) for row in self.platform.query("analytics", sql)}

    # What was given up

    def waiting(self) -> int:
        """Messages in the failed queue; a message of a bisected batch is one record."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.client("sqs").get_queue_attributes(QueueUrl=self.failed, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    @property
    def failed(self) -> str:
        return self.client("sqs").get_queue_url(QueueName=f"{self.platform.prefix}-stream-failed")["QueueUrl"]

    def bring_back(self, payments: list[dict]) -> None:
        """Replays as an operator does: again while something failed again."""
        count = len(identifiers(payments))
        for _ in range(5):
            if self.waiting():
                assert replay(boto3, self.platform.prefix, self.platform.lake) == 0
            eventually(lambda: len(self.decided(payments)) == count or self.waiting())
            if not self.waiting():
                return
        raise AssertionError("payments came back to the failed queue five times")

    # The model

    @property
    def endpoint(self) -> str:
        return self.platform.outputs["endpoint_name"]

    @property
    def serving(self) -> str:
        return self.client("sagemaker").describe_endpoint(EndpointName=self.endpoint)["EndpointConfigName"]

    def offer(self, name: str, change: Callable[[dict[str, bytes]], None]) -> str:
        """An endpoint configuration with the bootstrap model's archive, its files changed; its name."""
        sagemaker = self.client("sagemaker")
        variant, model = self.served
        container = self.container(
            name, change, self.platform.outputs["artifacts_bucket"], f"models/{name}/model.tar.gz"
        )
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=model["ExecutionRoleArn"], PrimaryContainer=container)
        kept = {k: variant[k] for k in ("VariantName", "InitialInstanceCount", "InstanceType")}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{**kept, "ModelName": name}])
        return name

    def register(self, name: str, change: Callable[[dict[str, bytes]], None]) -> str:
        """A package of the registry with such an archive, which waits for approval; its ARN."""
        sagemaker, evaluation = self.client("sagemaker"), f"training/fraud/{name}/evaluation.json"
        policy = {"model": name, "review_at": 0.5, "block_at": 0.9, "rules": []}
        body = json.dumps({"policy": policy, "dossier": {"verdict": "pass", "failed": []}}).encode()
        self.client("s3").put_object(Bucket=self.platform.lake, Key=evaluation, Body=body)
        types = ["application/json"]
        quality = {"ContentType": "application/json", "S3Uri": f"s3://{self.platform.lake}/{evaluation}"}
        return sagemaker.create_model_package(
            ModelPackageGroupName=f"{self.platform.prefix}-fraud",
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [self.container(name, change, self.platform.lake, trained(name))],
                "SupportedContentTypes": types,
                "SupportedResponseMIMETypes": types,
            },
            ModelMetrics={"ModelQuality": {"Statistics": quality}},
        )["ModelPackageArn"]

    @property
    def served(self) -> tuple[dict, dict]:
        """The variant that serves, and its model."""
        sagemaker = self.client("sagemaker")
        variant = sagemaker.describe_endpoint_config(EndpointConfigName=self.serving)["ProductionVariants"][0]
        return variant, sagemaker.describe_model(ModelName=variant["ModelName"])

    def container(self, name: str, change: Callable[[dict[str, bytes]], None], bucket: str, key: str) -> dict[str, str]:
        """Of the served model, with files of its archive changed, which lies there."""
        s3, (_, model) = self.client("s3"), self.served
        place = urlparse(model["PrimaryContainer"]["ModelDataUrl"])
        files = unpacked(s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read())
        change(files)
        s3.put_object(Bucket=bucket, Key=key, Body=tarred(files))
        return {"Image": model["PrimaryContainer"]["Image"], "ModelDataUrl": f"s3://{bucket}/{key}"}

    @contextmanager
    def releasing(self) -> Iterator[None]:
        """Approvals that wait are tried every two seconds. Afterwards the release is the one of before."""
        dynamodb, sqs, table = self.client("dynamodb"), self.client("sqs"), releases_table(self.platform.prefix)
        key = {"problem": {"S": "fraud"}}
        serving, recorded = self.serving, dynamodb.get_item(TableName=table, Key=key).get("Item")
        before = sqs.get_queue_attributes(QueueUrl=self.approvals, AttributeNames=["VisibilityTimeout"])["Attributes"]
        sqs.set_queue_attributes(QueueUrl=self.approvals, Attributes={"VisibilityTimeout": "2"})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=self.approvals, Attributes=before)
            dynamodb.put_item(TableName=table, Item=recorded) if recorded else dynamodb.delete_item(
                TableName=table, Key=key
            )
            self.serve(serving)
            self.await_scores()

    def released(self) -> dict:
        return live(self.client("dynamodb"), self.platform.prefix)

    @property
    def approvals(self) -> str:
        return self.client("sqs").get_queue_url(QueueName=f"{self.platform.prefix}-release.fifo")["QueueUrl"]

    def waits(self, model: str) -> bool:
        """Whether the release has said that an approval waits."""
        return self.release_said(f"{model} waits")

    def release_said(self, words: str) -> bool:
        events = self.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{self.platform.prefix}-release")
        return any(words in event["message"] for event in events["events"])

    def coming(self) -> str | None:
        """The configuration that the endpoint changes over to."""
        return pending(self.client("sagemaker").describe_endpoint(EndpointName=self.endpoint))

    def serve(self, configuration: str) -> None:
        self.client("sagemaker").update_endpoint(EndpointName=self.endpoint, EndpointConfigName=configuration)
        self.platform.await_endpoint(configuration)

    @contextmanager
    def served_by(self, configuration: str) -> Iterator[None]:
        before = self.serving
        self.serve(configuration)
        try:
            yield
        finally:
            self.serve(before)
            self.await_scores()

    def await_scores(self) -> None:
        """A door leaves a model alone for a while that has failed it: sends payments until all of them are scored."""

        def scored() -> bool:
            probes = payments(f"probe{time.time_ns()}", 8, customers=8, day=-400)
            self.pay(probes)
            return {line["degrade_step"] for line in self.await_decided(probes).values()} == {"none"}

        eventually(scored)

    # What was said

    def counted(self, metric: str, door: str) -> float:
        """The sum of one of the doors' own metrics since the module began."""
        now = time.time()
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace="RiskPlatform/local",
            MetricName=metric,
            Dimensions=[{"Name": "door", "Value": door}],
            StartTime=now - 7200,
            EndTime=now + 60,
            Period=60,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"])

    def everything_said(self) -> Iterator[tuple[str, str]]:
        """Where and what: every line of every log group, every version of every object of the lake with its key, every
        answer kept, every alert."""
        logs = self.client("logs")
        for page in logs.get_paginator("describe_log_groups").paginate():
            for group in page["logGroups"]:
                events = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
                yield from ((group["logGroupName"], e["message"]) for found in events for e in found["events"])
        s3 = self.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=self.platform.lake):
            for version in page.get("Versions", ()):
                place = {name: version[name] for name in ("Key", "VersionId")}
                body = s3.get_object(Bucket=self.platform.lake, **place)["Body"].read()
                yield version["Key"], version["Key"] + readable(body)
        for table in ("answers", "cases", "tails"):
            pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=f"{self.platform.prefix}-{table}")
            yield from ((table, json.dumps(item)) for page in pages for item in page["Items"])
        yield from (("alert", said) for said in self.alerted())

    def to_review(self) -> dict[str, dict]:
        """What review cases hold, by payment, as it was told."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=f"{self.platform.prefix}-cases")
        told = [json.loads(item["told"]["S"]) for page in pages for item in page["Items"] if "told" in item]
        return {message["transaction_id"]: message for message in told}

    def alerted(self) -> list[str]:
        """Every message of the alert topic since the module began."""
        self.alerts += heard(self.client("sqs"), self.ears)
        return self.alerts


def trained(name: str) -> str:
    """Where the lake has the archive of a training job of this name."""
    return f"training/fraud/models/{name}/output/model.tar.gz"


def same(line: dict) -> dict:
    return {name: value for name, value in line.items() if name not in OF_A_RETRY}


def readable(body: bytes) -> str:
    if body[:4] == b"PAR1":
        return repr(pq.read_table(io.BytesIO(body)).to_pylist())
    return (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode("utf-8", "replace")


def heard(sqs: Any, url: str) -> list[str]:
    """Messages that wait in a queue; afterwards they are hidden."""
    found: list[dict] = []
    while some := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages"):
        found += some
    return [message["Body"] for message in found]


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = [(member, tar.extractfile(member)) for member in tar.getmembers() if member.isfile()]
        return {member.name.removeprefix("./"): file.read() for member, file in files if file is not None}


def identifiers(payments: Iterable[dict]) -> set[str]:
    return {p["transaction_id"] for p in payments}


def payments(whose: str, count: int, customers: int = 4, day: int = 0, first: int = 0) -> list[dict]:
    """Payments of customers that are only `whose`, `day` days after the first day of all, half a minute apart."""
    return [
        {
            "transaction_id": f"{whose}-t{number}",
            "event_time": iso(FIRST + day * DAY + 28_800_000 + number * 30_000),
            "customer_id": f"{whose}-c{number % customers}",
            "merchant_id": f"{whose}-m{number % 3}",
            "amount": f"{10 + number % 90}.{number % 100:02d}",
        }
        for number in range(first, first + count)
    ]


@contextmanager
def wired(platform: Platform, endpoint: str) -> Iterator[Scene]:
    """The doors reach AWS over the wire, and alerts are heard; afterwards as before."""
    functions, wire = platform.client("lambda"), Wire(endpoint)
    sns, sqs = platform.client("sns"), platform.client("sqs")
    ears = sqs.create_queue(QueueName=f"{platform.prefix}-ears", Attributes=TOLD_BY_SERVICES)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=ears, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    heard_by = sns.subscribe(
        TopicArn=platform.outputs["alert_topic_arn"], Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
    )
    names = [f"{platform.prefix}-{door}" for door in DOORS]
    before = {n: functions.get_function_configuration(FunctionName=n)["Environment"]["Variables"] for n in names}
    try:
        for name, variables in before.items():
            set_variables(functions, name, {**variables, "AWS_ENDPOINT_URL": wire.url})
        yield Scene(platform, wire, ears)
    finally:
        sns.unsubscribe(SubscriptionArn=heard_by["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=ears)
        for name, variables in before.items():
            set_variables(functions, name, variables)
        wire.close()


def set_variables(functions: Any, name: str, variables: dict[str, str]) -> None:
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
