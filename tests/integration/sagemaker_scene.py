"""A local AWS with a bucket and a model server, for the tests of SageMaker."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from local import lifecycle
from tests.waiting import eventually

BUCKET = "sagemaker-scene"
IMAGE = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/scene-ml:1"
ROLE = "arn:aws:iam::000000000000:role/scene"
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
_ENDED = ("Completed", "Failed", "Stopped", "InService", "Created", "CreateFailed", "Succeeded")

# A server that answers each line with the content of its model file before it.
SERVE = """#!/usr/bin/env python3
import http.server, os, pathlib, sys, time
word = pathlib.Path("/opt/ml/model/word.txt").read_text()
if word == "broken":
    sys.exit("the model file is broken")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(body)))
        if attributes := self.headers.get("X-Amzn-SageMaker-Custom-Attributes"):
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", attributes + ";seen")
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(200)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "die":
            os._exit(1)
        if body == "refuse":
            return self.answer(409, b"another feature version")
        self.answer(200, "".join(f"{word}:{line}\\n" for line in body.splitlines()).encode())
    def log_message(self, *_):
        print("request", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


class Scene:
    """Clients, scripts in S3, and waiting."""

    def __init__(self, aws: lifecycle.Aws, folder: Path) -> None:
        self.aws, self._folder = aws, folder
        self._session = boto3.session.Session("test", "test", region_name=aws.region)
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        config = Config(retries={"max_attempts": 1})
        return self._session.client(service, endpoint_url=self.aws.endpoint_url, config=config)

    def make_bucket(self) -> None:
        s3 = self.client("s3")
        with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": self.aws.region})
        serve = self._folder / "bin" / "serve"
        serve.parent.mkdir(exist_ok=True)
        serve.write_text(SERVE)
        serve.chmod(0o755)

    def end_endpoints(self) -> None:
        """End the servers of all endpoints: whoever uses this local AWS next needs none of them."""
        sagemaker = self.client("sagemaker")
        for endpoint in sagemaker.list_endpoints(MaxResults=100)["Endpoints"]:
            if endpoint["EndpointStatus"] != "Deleting":
                sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])

    def put(self, key: str, content: str) -> str:
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content.encode())
        return f"s3://{BUCKET}/{key}"

    def read(self, key: str) -> str:
        return self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()

    def keys(self, prefix: str) -> list[str]:
        return [o["Key"] for o in self.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def wait(self, describe: Callable[..., dict[str, Any]], status: str, **name: str) -> dict[str, Any]:
        """Return the description once the status is final."""
        return eventually(lambda: (d := describe(**name))[status] in _ENDED and d, status)

    def logs(self, group: str, prefix: str = "") -> str:
        logs = self.client("logs")
        try:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return ""
        events = [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        ]
        return "\n".join(events)

    def processing(self, name: str, script: str, **changes: Any) -> dict[str, Any]:
        """Return a CreateProcessingJob request that runs a Python script; its folder `out` goes to S3."""
        source = self.put(f"code/{name}.py", script)
        return {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "ProcessingResources": {"ClusterConfig": CLUSTER},
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", f"/opt/ml/processing/code/{name}.py"],
            },
            "ProcessingInputs": [s3_input("code", source, "/opt/ml/processing/code")],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "out",
                        "S3Output": {
                            "S3Uri": f"s3://{BUCKET}/out/{name}",
                            "LocalPath": "/opt/ml/processing/out",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
            **changes,
        }

    def training(self, name: str, script: str, **changes: Any) -> dict[str, Any]:
        """Return a CreateTrainingJob request that runs a Python script from the channel `code`."""
        source = self.put(f"code/{name}/train.py", script)
        return {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
                "MetricDefinitions": [{"Name": "auc", "Regex": "auc=([0-9.]+)"}],
            },
            "InputDataConfig": [channel("code", source)],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": CLUSTER,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **changes,
        }

    def model(self, word: str) -> str:
        """Create the model that answers `word:<line>`, and an endpoint configuration of the same name."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            member = tarfile.TarInfo("word.txt")
            member.size = len(word)
            tar.addfile(member, io.BytesIO(word.encode()))
        self.client("s3").put_object(Bucket=BUCKET, Key=f"archives/{word}.tar.gz", Body=archive.getvalue())
        path = f"{self._folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        container = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/archives/{word}.tar.gz",
            "Environment": {"PATH": path},
        }
        sagemaker = self.client("sagemaker")
        sagemaker.create_model(ModelName=word, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        sagemaker.create_endpoint_config(EndpointConfigName=word, ProductionVariants=[variant(word)])
        return word

    def endpoint(self, name: str, config: str) -> dict[str, Any]:
        sagemaker = self.client("sagemaker")
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return self.wait(sagemaker.describe_endpoint, "EndpointStatus", EndpointName=name)

    def invoke(self, endpoint: str, body: str, **members: Any) -> str:
        runtime = self.client("sagemaker-runtime")
        return runtime.invoke_endpoint(EndpointName=endpoint, Body=body.encode(), **members)["Body"].read().decode()

    def run_pipeline(self, name: str, steps: list[dict[str, Any]], **parameters: str) -> dict[str, Any]:
        """Create and execute a pipeline; returns the execution's description with its `Steps` by name."""
        return self.ended(self.begin_pipeline(name, steps, **parameters))

    def begin_pipeline(self, name: str, steps: list[dict[str, Any]], **parameters: str) -> str:
        """Create a pipeline and start an execution; returns the ARN of that."""
        definition = {"Version": "2020-12-01", "Parameters": PARAMETERS, "Steps": steps}
        sagemaker = self.client("sagemaker")
        sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE)
        given = [{"Name": key, "Value": value} for key, value in parameters.items()]
        return sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)["PipelineExecutionArn"]

    def ended(self, arn: str) -> dict[str, Any]:
        sagemaker = self.client("sagemaker")
        describe = sagemaker.describe_pipeline_execution
        execution = self.wait(describe, "PipelineExecutionStatus", PipelineExecutionArn=arn)
        answer = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
        return {**execution, "Steps": {step["StepName"]: step for step in answer["PipelineExecutionSteps"]}}


PARAMETERS = [
    {"Name": "Depth", "Type": "Integer", "DefaultValue": 3},
    {"Name": "Floor", "Type": "Float", "DefaultValue": 0.5},
]


def s3_input(name: str, uri: str, path: str) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def channel(name: str, uri: str) -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


def variant(model: str, **changes: Any) -> dict[str, Any]:
    base = {"VariantName": "AllTraffic", "ModelName": model, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    return {**base, **changes}


def processes(text: str) -> list[str]:
    """Return the command lines of this machine's processes that contain a text."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if text in line]


@contextmanager
def shared(aws: lifecycle.Aws, folder: Path) -> Iterator[Scene]:
    """The scene in a local AWS that others use too, so names are the tests' own; endpoints end with the block."""
    scene = Scene(aws, folder)
    scene.make_bucket()
    yield scene
    scene.end_endpoints()
