"""All operations behind one handler."""

from __future__ import annotations

import asyncio
import http.client
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore import xform_name

from . import protocol
from .context import Context
from .errors import ApiError, not_offered
from .featurestore.groups import FeatureGroups
from .featurestore.offline import OfflineStore
from .featurestore.online import OnlineStore
from .featurestore.runtime import FeatureRuntime
from .hosting.configs import EndpointConfigs
from .hosting.endpoints import Endpoints
from .hosting.invoke import Invocations
from .hosting.models import Models
from .jobs.lifecycle import Places
from .jobs.processing import ProcessingJobs
from .jobs.training import TrainingJobs
from .jobs.transform import TransformJobs
from .pipelines.api import Pipelines
from .pipelines.steps import StepRunner
from .registry import Registry
from .settings import Settings
from .surroundings import Surroundings

_log = logging.getLogger(__name__)
_INVOCATION = re.compile(r"^/endpoints/([^/]+)/invocations$")
_STARTUP_PATIENCE = 30.0

Answer = tuple[int, dict[str, str], bytes]
Operation = Callable[[dict[str, Any]], dict[str, Any]]


class SageMaker:
    """One SageMaker, with its state below `settings.root`. `close` ends everything it runs."""

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        self._context = context = Context(settings, surroundings)
        self._places = Places(settings.max_jobs)
        registry = Registry(context)
        models = Models(context, registry)
        configs = EndpointConfigs(context, models)
        self._endpoints = Endpoints(context, models, configs)
        self._invocations = Invocations(context, self._endpoints)
        self._online = OnlineStore(settings.root)
        self._offline = OfflineStore(settings, context.aws)
        self._groups = groups = FeatureGroups(context, self._online)
        runtime = FeatureRuntime(groups, self._online, self._offline)
        processing, training = ProcessingJobs(context, self._places), TrainingJobs(context, self._places)
        transform = TransformJobs(context, self._places, models)
        jobs = {"Processing": processing, "Training": training, "Transform": transform}
        self._pipelines = Pipelines(context, StepRunner(context, jobs, models, registry))
        self._control: dict[str, Operation] = {}
        for family in jobs.values():
            self._control |= family.operations()
        areas = (context.tags, registry, models, configs, self._endpoints, groups, self._pipelines)
        for name in protocol.service_model(protocol.CONTROL_PLANE).operation_names:
            for area in areas:
                if operation := getattr(area, xform_name(name), None):
                    self._control[name] = operation
        self._records: dict[str, Callable[[dict[str, Any]], bytes]] = {
            name: getattr(runtime, xform_name(name))
            for name in protocol.service_model("sagemaker-featurestore-runtime").operation_names
        }
        threading.Thread(target=self._restore, name="sagemaker-restore", daemon=True).start()

    @property
    def operations(self) -> list[str]:
        """The names of all operations that are offered."""
        return sorted([*self._control, *self._records, "InvokeEndpoint"])

    async def handle_request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
    ) -> Answer:
        """Answer one request; header names come in lower case."""
        try:
            if method == "POST" and (match := _INVOCATION.match(path)):
                return await self._invocations.invoke(unquote(match[1]), headers, body)
            operation, uri = protocol.find_operation(method, path, headers.get("x-amz-target", ""))
            request = protocol.parse_input(operation, uri, headers, body, query_params)
            if operation.name in self._records:
                return self._record_call(operation, request)
            if operation.name not in self._control:
                raise not_offered(operation.name)
            return await asyncio.to_thread(self._control_call, operation, request)
        except ApiError as error:
            return protocol.error_answer(error)
        except Exception as error:
            _log.exception("%s %s", method, path)
            return protocol.error_answer(ApiError("InternalFailure", f"{error!r}", 500))

    def close(self) -> None:
        """End jobs, endpoints and executions, with all their processes, and write what is not yet on disk."""
        self._context.closing.set()
        self._pipelines.close()
        self._endpoints.close()
        self._places.close()
        self._context.close()
        self._invocations.close()
        self._offline.close()
        self._online.close()

    def _control_call(self, operation: Any, request: dict[str, Any]) -> Answer:
        for name, member in operation.input_shape.members.items() if operation.input_shape else ():
            if member.metadata.get("idempotencyToken") and name not in request:
                request[name] = f"none-{time.time_ns():032x}"
        protocol.validate_input(operation, request)
        if operation.input_shape:
            request = protocol.read_timestamps(operation.input_shape, request)
        return protocol.answer(protocol.complete_output(operation, self._control[operation.name](request)))

    def _record_call(self, operation: Any, request: dict[str, Any]) -> Answer:
        try:
            content = self._records[operation.name](request)
        except (KeyError, TypeError, AttributeError):
            # The fast way does not check the shape of a request first; only one that broke it is looked at again.
            try:
                protocol.validate_input(operation, request)
            except ApiError as error:
                raise ApiError("ValidationError", error.message) from error
            raise
        return 200, {"Content-Type": "application/json"}, content

    def _restore(self) -> None:
        """Bring endpoints back once the AWS around answers, whatever it says: their archives come from its S3."""
        address = urlsplit(self._context.settings.endpoint_url)
        until = time.monotonic() + _STARTUP_PATIENCE
        while time.monotonic() < until:
            kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
            connection = kind(address.hostname or "", address.port, timeout=2)
            try:
                connection.request("GET", "/")
                connection.getresponse().read()
                break
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
            finally:
                connection.close()
        self._groups.restore()
        self._endpoints.restore()
