"""Batch Transform: S3 objects through a model server, one `<object>.out` each."""

from __future__ import annotations

import gzip
import http.client
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from .. import limits, objects
from ..containers import Container
from ..context import Context
from ..errors import validation
from ..hosting import serving
from ..hosting.models import Models
from .association import Association
from .lifecycle import JobFailed, Jobs, JobStopped, Places, Stop


class TransformJobs(Jobs):
    kind = "Transform"

    def __init__(self, context: Context, places: Places, models: Models) -> None:
        self._models = models
        super().__init__(context, places)

    def check(self, request: dict[str, Any]) -> None:
        self._models.find(request["ModelName"])
        if request["TransformResources"]["InstanceCount"] != 1:
            raise validation("This machine runs a transform job on one instance only.")
        source, target = request["TransformInput"], request["TransformOutput"]
        megabytes, parallel = request.get("MaxPayloadInMB", limits.TRANSFORM_DEFAULT_MB), _parallel(request)
        if megabytes == 0:
            raise validation("MaxPayloadInMB 0 (HTTP chunked encoding) is not offered by the local SageMaker server.")
        most = limits.TRANSFORM_MB
        limits.require(megabytes <= most, "MaxPayloadInMB", f"at most {most}", megabytes)
        together = f"at most {most} MB together"
        sent = f"{parallel} x {megabytes} MB"
        limits.require(megabytes * parallel <= most, "MaxConcurrentTransforms x MaxPayloadInMB", together, sent)
        if "DataCaptureConfig" in request:
            raise validation("DataCaptureConfig is not offered by the local SageMaker server.")
        if source["DataSource"]["S3DataSource"]["S3DataType"] != "S3Prefix":
            raise validation("A ManifestFile as TransformInput is not offered by the local SageMaker server.")
        if source.get("SplitType", "None") not in ("None", "Line"):
            raise validation(f"SplitType {source['SplitType']} is not offered by the local SageMaker server.")
        if request.get("BatchStrategy", "MultiRecord") == "SingleRecord" and source.get("SplitType", "None") == "None":
            raise validation("BatchStrategy SingleRecord needs a SplitType.")
        association = Association.of(request)
        if (
            association.active
            and association.line_based
            and (source.get("SplitType") != "Line" or target.get("AssembleWith") != "Line")
        ):
            raise validation("Joining or filtering lines needs SplitType Line and AssembleWith Line.")

    def role(self, document: dict[str, Any]) -> str:
        return self._models.role(document["ModelName"]) or ""

    def run(self, document: dict[str, Any], stop: Stop) -> dict[str, Any]:
        name = document["TransformJobName"]
        container = dict(self._models.container(document["ModelName"]))
        mib = document.get("MaxPayloadInMB", limits.TRANSFORM_DEFAULT_MB)
        container["Environment"] = {
            **container.get("Environment", {}),
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(mib),
            "SAGEMAKER_BATCH_STRATEGY": document.get("BatchStrategy", "MultiRecord").upper(),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(_parallel(document)),
            **document.get("Environment", {}),
        }
        stop.check()
        try:
            server = serving.start(
                self.context,
                name,
                container,
                log_group="/aws/sagemaker/TransformJobs",
                log_stream=f"{name}/i-{time.time_ns():x}",
            )
        except serving.ServerFailed as error:
            raise JobFailed(f"AlgorithmError: {error}") from error
        try:
            stop.attach(server.container)
            self._transform_all(document, server.container, mib * limits.MIB, stop)
        finally:
            server.stop()
        return {}

    def _transform_all(self, document: dict[str, Any], model: Container, limit: int, stop: Stop) -> None:
        s3 = self.context.aws.client("s3", self._models.role(document["ModelName"]))
        source = document["TransformInput"]["DataSource"]["S3DataSource"]
        bucket, _ = objects.split_uri(source["S3Uri"])
        found = list(objects.keys_below(s3, source["S3Uri"]))
        if not found:
            raise objects.MissingObjects(f"ClientError: No S3 objects found under S3 URL {source['S3Uri']}")
        target_bucket, target_prefix = objects.split_uri(document["TransformOutput"]["S3OutputPath"])
        for key, relative in found:
            data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            if document["TransformInput"].get("CompressionType") == "Gzip":
                data, relative = gzip.decompress(data), relative.removesuffix(".gz")
            try:
                result = _transform(document, data, model, limit, stop)
            except _Refused as error:
                if stop.requested:
                    raise JobStopped from error
                raise JobFailed(f"ClientError: {bucket}/{key}: {error}") from error
            s3.put_object(
                Bucket=target_bucket, Key=f"{target_prefix.rstrip('/')}/{relative}.out".lstrip("/"), Body=result
            )


class _Refused(Exception):
    """The model server did not answer a batch with success."""


def _parallel(request: dict[str, Any]) -> int:
    """Return MaxConcurrentTransforms; unset and 0 leave it to the model, which says 1 unless it says otherwise."""
    return request.get("MaxConcurrentTransforms") or 1


def _transform(document: dict[str, Any], data: bytes, model: Container, limit: int, stop: Stop) -> bytes:
    """Return one object's result: split, filter, send with the wanted concurrency, join, filter, assemble."""
    source, target = document["TransformInput"], document["TransformOutput"]
    headers = {"Content-Type": source.get("ContentType", "application/octet-stream")}
    if "Accept" in target:
        headers["Accept"] = target["Accept"]
    client = document.get("ModelClientConfig", {})
    timeout, retries = client.get("InvocationsTimeoutInSeconds", 600), client.get("InvocationsMaxRetries", 3)
    if source.get("SplitType", "None") == "None":
        if len(data) > limit:
            raise _Refused(f"The object has {len(data)} bytes, more than MaxPayloadInMB: use SplitType Line.")
        return _post(model, headers, data, timeout, retries)
    association = Association.of(document)
    single = document.get("BatchStrategy", "MultiRecord") == "SingleRecord"
    rows = lines_of(data)

    def send(batch: list[str]) -> bytes:
        if stop.requested:
            raise _Refused("The job was stopped.")
        sent = "\n".join(association.select_input(row) for row in batch)
        answer = _post(model, headers, sent.encode(), timeout, retries)
        if not association.active:
            return answer
        answered = lines_of(answer)
        if len(answered) != len(batch):
            raise _Refused(f"The model answered {len(answered)} lines to {len(batch)}: they cannot be joined.")
        return "\n".join(map(association.combine, batch, answered)).encode()

    with ThreadPoolExecutor(_parallel(document)) as pool:
        parts = list(pool.map(send, _batches(rows, limit, single)))
    if target.get("AssembleWith") == "Line":
        return b"".join(part.rstrip(b"\n") + b"\n" for part in parts)
    return b"".join(parts)


def lines_of(content: bytes) -> list[str]:
    """A line ends with a line feed and nowhere else: other signs that end lines elsewhere are letters here."""
    lines = content.decode().split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _batches(rows: list[str], limit: int, single: bool) -> Iterator[list[str]]:
    """Yield rows in order, as many as fit into a payload, or one each."""
    batch: list[str] = []
    size = 0
    for row in rows:
        length = len(row.encode()) + 1
        if length > limit + 1:
            raise _Refused(f"One record has {length - 1} bytes, more than MaxPayloadInMB.")
        if batch and (single or size + length > limit + 1):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


def _post(model: Container, headers: dict[str, str], body: bytes, timeout: float, retries: int) -> bytes:
    """Send one batch; server errors are tried again, client errors are not."""
    for attempt in range(retries + 1):
        try:
            with closing(serving.connection_to(model, timeout)) as connection:
                connection.request("POST", "/invocations", body, headers)
                response = connection.getresponse()
                content = response.read()
        except (OSError, http.client.HTTPException) as error:
            status, reason = 0, repr(error)
        else:
            status, reason = response.status, content.decode(errors="replace")[:500]
            if 200 <= status < 300:
                return content
        if 400 <= status < 500 or attempt == retries:
            raise _Refused(f"Received status {status} from the model: {reason}")
    raise AssertionError("unreachable")
