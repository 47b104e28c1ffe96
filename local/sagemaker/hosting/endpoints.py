"""Endpoints: real model servers that stay up, blue/green updates, rollback."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import listing
from ..context import Context
from ..errors import ApiError, already_exists, could_not_find, validation
from ..jobs.lifecycle import cut_reason
from . import serving
from .configs import EndpointConfigs
from .models import Models
from .variants import Deployment, Variant, deploy

_log = logging.getLogger(__name__)
_WATCH_INTERVAL = 0.5


class RolledBack(Exception):
    """An update was undone; the text is fit for FailureReason."""


class Endpoints:
    """An endpoint's traffic: shares of requests by deployment; two of them only while an update shifts traffic."""

    def __init__(self, context: Context, models: Models, configs: EndpointConfigs) -> None:
        self._context, self._models, self._configs = context, models, configs
        self._table = context.store.table("endpoint")
        self._traffic: dict[str, list[tuple[float, Deployment]]] = {}
        self._cancelled: dict[str, threading.Event] = {}
        self._changing = threading.Lock()  # between the end of a deployment's start and the end of its endpoint
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="sagemaker-endpoints", daemon=True).start()

    def create_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        config = self._configs.find(request["EndpointConfigName"])
        self._check_instances(config)
        arn = self._context.settings.arn("endpoint", name)
        now = time.time()
        document = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": config["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
            **({"LastDeploymentConfig": request["DeploymentConfig"]} if "DeploymentConfig" in request else {}),
        }
        self._table.create(name, document, lambda: already_exists("endpoint", arn))
        self._context.tags.set_initial(arn, request.get("Tags"))
        self._in_background(name, partial(self._bring_up, name, config))
        return {"EndpointArn": arn}

    def describe_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self.find(request["EndpointName"])
        traffic = self._traffic.get(request["EndpointName"])
        if traffic:
            document["ProductionVariants"] = [variant.describe() for variant in traffic[0][1].production]
            if traffic[0][1].shadow:
                document["ShadowProductionVariants"] = [variant.describe() for variant in traffic[0][1].shadow]
        return document

    def list_endpoints(self, request: dict[str, Any]) -> dict[str, Any]:
        items, token = listing.page(self._table.all(), request, name="EndpointName", status="EndpointStatus")
        members = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        return {"Endpoints": [{key: item[key] for key in members} for item in items], "NextToken": token}

    def update_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        """Replace the configuration: the old servers keep serving until the new ones are healthy.

        If the new ones fail, or an alarm of AutoRollbackConfiguration rings while traffic shifts, the old
        configuration stays, the status is InService again and FailureReason says what happened.
        """
        name = request["EndpointName"]
        document = self.find(name)
        config = self._configs.find(request["EndpointConfigName"])
        self._check_instances(config)
        self._require_settled(document)
        _check_canary(request.get("DeploymentConfig") or {}, config)
        pending = {
            "EndpointConfigName": config["EndpointConfigName"],
            "ProductionVariants": _pending_variants(config, "Creating"),
            "StartTime": time.time(),
        }
        self._table.change(name, EndpointStatus="Updating", PendingDeploymentSummary=pending, FailureReason=None)
        deployment_config = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig"):
            deployment_config = deployment_config or document.get("LastDeploymentConfig")
        retained = self._sizes(name) if request.get("RetainAllVariantProperties") else {}
        self._in_background(name, partial(self._replace, name, config, deployment_config or {}, retained))
        return {"EndpointArn": document["EndpointArn"]}

    def update_endpoint_weights_and_capacities(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        document = self.find(name)
        self._require_settled(document)
        if not (traffic := self._traffic.get(name)):
            raise validation(f"Endpoint {name} is not in service.")
        deployment = traffic[0][1]
        wishes: list[tuple[Variant, dict[str, Any]]] = []
        for wanted in request["DesiredWeightsAndCapacities"]:
            if (variant := deployment.variant(wanted["VariantName"])) is None:
                raise validation(f"Endpoint {name} has no variant {wanted['VariantName']}.")
            self._check_count(wanted.get("DesiredInstanceCount", 1))
            wishes.append((variant, wanted))
        self._table.change(name, EndpointStatus="Updating", FailureReason=None)

        def resize(cancelled: threading.Event) -> None:
            for variant, wanted in wishes:
                before = variant.wanted
                variant.wanted = wanted.get("DesiredInstanceCount", variant.wanted)
                try:
                    variant.resize(cancelled)
                except serving.ServerFailed as error:
                    variant.wanted = before
                    raise RolledBack(str(error)) from error
                variant.weight = wanted.get("DesiredWeight", variant.weight)
            self._table.change(name, EndpointStatus="InService")

        self._in_background(name, resize)
        return {"EndpointArn": document["EndpointArn"]}

    def delete_endpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        document = self.find(name)
        with self._changing:
            if event := self._cancelled.pop(name, None):
                event.set()
            traffic = self._traffic.pop(name, [])
        self._table.change(name, EndpointStatus="Deleting")

        def end() -> None:
            for _, deployment in traffic:
                deployment.stop()
            self._table.delete(name)
            self._context.tags.forget(document["EndpointArn"])

        threading.Thread(target=end, daemon=True).start()
        return {}

    def find(self, name: str) -> dict[str, Any]:
        if (document := self._table.get(name)) is None:
            raise could_not_find("endpoint", self._context.settings.arn("endpoint", name))
        return document

    def route(self, name: str) -> Deployment | None:
        """Return the deployment that answers this request; None when the endpoint serves nobody."""
        traffic = self._traffic.get(name)
        if not traffic:
            return None
        if len(traffic) == 1:
            return traffic[0][1]
        return random.choices([d for _, d in traffic], [share for share, _ in traffic])[0]

    def exists(self, name: str) -> bool:
        return name in self._table

    def restore(self) -> None:
        """Bring back the endpoints of an earlier run of the same state folder."""
        for document in self._table.all():
            name = document["EndpointName"]
            if document["EndpointStatus"] == "Deleting":
                self._table.delete(name)
                continue
            if document["EndpointStatus"] == "Failed":
                continue
            try:
                config = self._configs.find(document["EndpointConfigName"])
            except ApiError as error:
                self._table.change(name, EndpointStatus="Failed", FailureReason=error.message)
                continue
            self._table.change(name, EndpointStatus="Creating", PendingDeploymentSummary=None)
            self._in_background(name, partial(self._bring_up, name, config))

    def close(self) -> None:
        self._closed.set()
        for event in self._cancelled.values():
            event.set()

    def _bring_up(self, name: str, config: dict[str, Any], cancelled: threading.Event) -> None:
        if self._serve(name, deploy(self._context, self._models, name, config, cancelled), cancelled):
            self._in_service(name, config)

    def _serve(self, name: str, deployment: Deployment, cancelled: threading.Event) -> bool:
        """Give all traffic to a deployment, unless its endpoint has been deleted meanwhile: then it ends."""
        with self._changing:
            if not cancelled.is_set():
                self._traffic[name] = [(1.0, deployment)]
                return True
        deployment.stop()
        return False

    def _replace(
        self,
        name: str,
        config: dict[str, Any],
        deployment_config: dict[str, Any],
        sizes: dict[str, tuple[int, float]],
        cancelled: threading.Event,
    ) -> None:
        # AWS looks at the present configuration too: an update after its deletion is undone without an error.
        self._configs.find(self.find(name)["EndpointConfigName"])
        try:
            green = deploy(self._context, self._models, name, config, cancelled)
        except serving.ServerFailed as error:
            raise RolledBack(f"Unable to deploy {config['EndpointConfigName']}: {error}") from error
        try:
            for variant in green.production:
                if variant.name in sizes:
                    variant.wanted, variant.weight = sizes[variant.name]
                    variant.resize(cancelled)
            old = self._traffic.get(name, [])
            if old:
                self._says(name, config, "Baking")
                self._shift(name, old[0][1], green, deployment_config, cancelled)
        except BaseException:
            green.stop()
            raise
        if not self._serve(name, green, cancelled):
            return
        self._in_service(name, config, LastDeploymentConfig=deployment_config or None)
        for _, deployment in old:
            deployment.stop()

    def _says(self, name: str, config: dict[str, Any], status: str) -> None:
        """How far the new fleet is, as DescribeEndpoint tells while it is deployed."""
        pending = (self._table.get(name) or {}).get("PendingDeploymentSummary")
        if pending:
            summary = {**pending, "ProductionVariants": _pending_variants(config, status)}
            self._table.change(name, PendingDeploymentSummary=summary)

    def _shift(
        self,
        name: str,
        blue: Deployment,
        green: Deployment,
        deployment_config: dict[str, Any],
        cancelled: threading.Event,
    ) -> None:
        """Move traffic in the steps of a blue/green policy, watching its alarms; raises `RolledBack`."""
        alarms = [a["AlarmName"] for a in deployment_config.get("AutoRollbackConfiguration", {}).get("Alarms", [])]
        policy = deployment_config.get("BlueGreenUpdatePolicy", {})
        routing = policy.get("TrafficRoutingConfiguration", {})
        steps = {"CANARY": [_share(routing.get("CanarySize"), blue)], "LINEAR": _linear(routing, blue)}
        try:
            for share in steps.get(routing.get("Type"), []):
                self._share(name, [(1 - share, blue), (share, green)], cancelled)
                self._bake(alarms, routing["WaitIntervalInSeconds"], cancelled)
            self._share(name, [(0.0, blue), (1.0, green)], cancelled)
            self._bake(alarms, policy.get("TerminationWaitInSeconds", 0), cancelled)
        except BaseException:
            self._share(name, [(1.0, blue)], cancelled)
            raise

    def _share(self, name: str, traffic: list[tuple[float, Deployment]], cancelled: threading.Event) -> None:
        with self._changing:
            if not cancelled.is_set():
                self._traffic[name] = traffic

    def _bake(self, alarms: list[str], seconds: float, cancelled: threading.Event) -> None:
        until = time.monotonic() + seconds
        while True:
            if cancelled.wait(min(1.0, max(0.0, until - time.monotonic()))):
                raise RolledBack("The update was cancelled.")
            if alarms:
                answer = self._context.aws.client("cloudwatch").describe_alarms(AlarmNames=alarms)
                rings = [a["AlarmName"] for a in answer["MetricAlarms"] if a["StateValue"] == "ALARM"]
                if rings:
                    raise RolledBack(f"One or more alarms rang during the update: {', '.join(rings)}.")
            if time.monotonic() >= until:
                return

    def _in_service(self, name: str, config: dict[str, Any], **members: Any) -> None:
        changed = self._table.change(
            name,
            EndpointStatus="InService",
            EndpointConfigName=config["EndpointConfigName"],
            PendingDeploymentSummary=None,
            FailureReason=None,
            **members,
        )
        self._announce(changed)

    def _in_background(self, name: str, work: Callable[[threading.Event], None]) -> None:
        self._cancelled[name] = cancelled = threading.Event()

        def run() -> None:
            reason = ""
            try:
                work(cancelled)
            except (RolledBack, serving.ServerFailed) as error:
                reason = str(error)
            except ApiError as error:
                reason = error.message
            except Exception as error:
                _log.exception("endpoint %s", name)
                reason = f"InternalServerError: {error!r}"
            if reason and not cancelled.is_set() and not self._context.closing.is_set():
                # An endpoint that serves stays InService with what it had: only FailureReason tells of the failure.
                status = "InService" if self._traffic.get(name) else "Failed"
                changed = self._table.change(
                    name, EndpointStatus=status, FailureReason=cut_reason(reason), PendingDeploymentSummary=None
                )
                self._announce(changed)

        threading.Thread(target=run, name=f"endpoint-{name}", daemon=True).start()

    def _announce(self, document: dict[str, Any] | None) -> None:
        if document is None:
            return
        keys = ("EndpointName", "EndpointArn", "EndpointConfigName", "EndpointStatus", "FailureReason")
        detail = {key: document[key] for key in keys if key in document}
        # Events carry the status in upper case with underscores, unlike Describe.
        detail["EndpointStatus"] = {"InService": "IN_SERVICE", "Failed": "FAILED"}[document["EndpointStatus"]]
        self._context.events.publish("SageMaker Endpoint State Change", document["EndpointArn"], detail)

    def _watch(self) -> None:
        while not self._closed.wait(_WATCH_INTERVAL):
            for traffic in list(self._traffic.values()):
                for _, deployment in traffic:
                    try:
                        deployment.restart_dead()
                    except Exception:
                        _log.exception("instances of %s could not be looked after", deployment.config_name)

    def _sizes(self, name: str) -> dict[str, tuple[int, float]]:
        traffic = self._traffic.get(name)
        return {v.name: (v.wanted, v.weight) for v in traffic[0][1].production} if traffic else {}

    def _require_settled(self, document: dict[str, Any]) -> None:
        if document["EndpointStatus"] not in ("InService", "Failed"):
            raise validation(f"Cannot update in-progress endpoint {document['EndpointArn']}.")

    def _check_instances(self, config: dict[str, Any]) -> None:
        for variant in config["ProductionVariants"]:
            self._check_count(variant.get("InitialInstanceCount", 1))

    def _check_count(self, count: int) -> None:
        limit = self._context.settings.max_instances
        if count > limit:
            raise ApiError(
                "ResourceLimitExceeded",
                f"The account-level service limit for endpoint usage is {limit} Instances, with a request delta of "
                f"{count} Instances. This machine runs one process per instance.",
            )


def _pending_variants(config: dict[str, Any], status: str) -> list[dict[str, Any]]:
    told = [{"Status": status, "StartTime": time.time()}]
    return [{"VariantName": v["VariantName"], "VariantStatus": told} for v in config["ProductionVariants"]]


def _check_canary(deployment_config: dict[str, Any], config: dict[str, Any]) -> None:
    """A canary is at most half of the new fleet, and all waits end before the deployment's own time does."""
    policy = deployment_config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {})
    if routing.get("Type") == "CANARY":
        instances = sum(v.get("InitialInstanceCount", 1) for v in config["ProductionVariants"])
        size = routing.get("CanarySize") or {"Type": "INSTANCE_COUNT", "Value": instances}
        part = size["Value"] / (100 if size["Type"] == "CAPACITY_PERCENT" else instances)
        if part > 0.5:
            raise validation(f"CanarySize must be at most 50% of the variant's {instances} instances, got {part:.0%}.")
    waits = routing.get("WaitIntervalInSeconds", 0) + policy.get("TerminationWaitInSeconds", 0)
    if "MaximumExecutionTimeoutInSeconds" in policy and policy["MaximumExecutionTimeoutInSeconds"] <= waits:
        raise validation(
            f"MaximumExecutionTimeoutInSeconds must be longer than the waits, {waits} s, "
            f"got {policy['MaximumExecutionTimeoutInSeconds']}."
        )


def _share(size: dict[str, Any] | None, deployment: Deployment) -> float:
    """Return the part of the traffic that a CanarySize or LinearStepSize stands for."""
    if not size:
        return 1.0
    if size["Type"] == "CAPACITY_PERCENT":
        return size["Value"] / 100
    return min(1.0, size["Value"] / max(1, sum(variant.wanted for variant in deployment.production)))


def _linear(routing: dict[str, Any], deployment: Deployment) -> list[float]:
    step = _share(routing.get("LinearStepSize"), deployment)
    return [step * i for i in range(1, int(1 / step) + 1) if step * i < 1]
