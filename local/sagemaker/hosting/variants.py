"""Running variants: the instances behind a name, and whose turn it is."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..context import Context
from . import serving
from .models import Models
from .proxy import Pool

_log = logging.getLogger(__name__)


class Instance:
    """One model server of a variant and the connections to it."""

    def __init__(self, server: serving.ModelServer) -> None:
        self.server = server
        self.pool = Pool(server.container.connect)

    def stop(self) -> None:
        self.pool.close()
        self.server.stop()


class Variant:
    """A production or shadow variant: a model on some instances, with a traffic weight."""

    def __init__(
        self, context: Context, endpoint: str, specification: dict[str, Any], container: dict[str, Any]
    ) -> None:
        self._context, self._endpoint, self._container = context, endpoint, container
        self.specification = specification
        self.name = specification["VariantName"]
        self.weight = float(specification.get("InitialVariantWeight", 1.0))
        self.wanted = 1 if "ServerlessConfig" in specification else int(specification.get("InitialInstanceCount", 1))
        self.image = container["Image"]
        self.deployed_at = time.time()
        self._instances: list[Instance] = []
        self._turn = itertools.count()
        self._resizing = threading.Lock()
        self._stopped = threading.Event()

    @property
    def instances(self) -> list[Instance]:
        return self._instances

    def next_instance(self) -> Instance | None:
        """Return the instance whose turn it is; None while none runs."""
        alive = [instance for instance in self._instances if instance.server.running]
        return alive[next(self._turn) % len(alive)] if alive else None

    def resize(self, cancelled: threading.Event | None = None) -> None:
        """Start or stop instances until `wanted` run, dead ones included; raises `serving.ServerFailed`.

        All that could be started are kept or none is: if one fails, the others of the same attempt end with it.
        """
        with self._resizing:
            alive = [instance for instance in self._instances if instance.server.running]
            dead = [instance for instance in self._instances if not instance.server.running]
            new = self._started(self.wanted - len(alive), cancelled)
            alive += new
            self._instances, surplus = alive[: self.wanted], alive[self.wanted :]
            for instance in [*dead, *surplus]:
                instance.stop()

    def _started(self, count: int, cancelled: threading.Event | None) -> list[Instance]:
        if count <= 0:
            return []
        with ThreadPoolExecutor(count) as pool:
            attempts = [pool.submit(self._start, cancelled) for _ in range(count)]
        failures = [error for attempt in attempts if (error := attempt.exception())]
        started = [attempt.result() for attempt in attempts if not attempt.exception()]
        if failures:
            for instance in started:
                instance.stop()
            raise failures[0]
        return started

    def stop(self) -> None:
        self._stopped.set()  # whoever starts or watches instances of this variant gives up
        with self._resizing:
            self.wanted = 0
            instances, self._instances = self._instances, []
            for instance in instances:
                instance.stop()

    def describe(self) -> dict[str, Any]:
        image = {"SpecifiedImage": self.image, "ResolvedImage": self.image, "ResolutionTime": self.deployed_at}
        return {
            "VariantName": self.name,
            "DeployedImages": [image],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": len([i for i in self._instances if i.server.running]),
            "DesiredInstanceCount": self.wanted,
        }

    def _start(self, cancelled: threading.Event | None) -> Instance:
        timeout = self.specification.get("ContainerStartupHealthCheckTimeoutInSeconds", serving.STARTUP_TIMEOUT)
        server = serving.start(
            self._context,
            f"{self._endpoint}-{self.name}",
            self._container,
            log_group=f"/aws/sagemaker/Endpoints/{self._endpoint}",
            log_stream=f"{self.name}/i-{random.getrandbits(64):017x}",
            timeout=timeout,
            cancelled=lambda: self._stopped.is_set() or (cancelled is not None and cancelled.is_set()),
        )
        return Instance(server)


class Deployment:
    """All variants of one endpoint configuration, running."""

    def __init__(self, config_name: str, production: list[Variant], shadow: list[Variant]) -> None:
        self.config_name, self.production, self.shadow = config_name, production, shadow

    @property
    def variants(self) -> list[Variant]:
        return [*self.production, *self.shadow]

    def choose(self) -> Variant:
        """Pick a production variant by weight."""
        weights = [variant.weight for variant in self.production]
        return random.choices(self.production, weights if any(weights) else None)[0]

    def variant(self, name: str) -> Variant | None:
        return next((variant for variant in self.production if variant.name == name), None)

    def stop(self) -> None:
        with ThreadPoolExecutor(len(self.variants)) as pool:
            list(pool.map(Variant.stop, self.variants))

    def restart_dead(self) -> None:
        """Replace instances whose server has ended; what fails again is tried again at the next call."""
        for variant in self.variants:
            if any(not instance.server.running for instance in variant.instances) or (
                len(variant.instances) < variant.wanted
            ):
                try:
                    variant.resize()
                except serving.ServerFailed as error:
                    _log.error("variant %s could not be restarted: %s", variant.name, error)


def deploy(
    context: Context, models: Models, endpoint: str, config: dict[str, Any], cancelled: threading.Event
) -> Deployment:
    """Start every variant of a configuration; on failure nothing keeps running and `ServerFailed` says why."""

    def build(specification: dict[str, Any]) -> Variant:
        return Variant(context, endpoint, specification, models.container(specification["ModelName"]))

    deployment = Deployment(
        config["EndpointConfigName"],
        [build(specification) for specification in config["ProductionVariants"]],
        [build(specification) for specification in config.get("ShadowProductionVariants", [])],
    )
    try:
        with ThreadPoolExecutor(len(deployment.variants)) as pool:
            list(pool.map(lambda variant: variant.resize(cancelled), deployment.variants))
    except BaseException:
        deployment.stop()
        raise
    return deployment
