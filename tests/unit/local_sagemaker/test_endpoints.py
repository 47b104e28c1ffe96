"""Endpoints whose servers are stand-ins: what keeps running when something goes wrong at a chosen point."""

from __future__ import annotations

import threading

import pytest

from local.sagemaker.errors import ApiError
from local.sagemaker.hosting import endpoints as endpoints_module
from local.sagemaker.hosting import serving
from local.sagemaker.hosting.configs import EndpointConfigs
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.models import Models
from local.sagemaker.hosting.serving import ServerFailed
from local.sagemaker.hosting.variants import Variant
from local.sagemaker.registry import Registry
from tests.waiting import PATIENCE_S, eventually


class Server:
    """A model server that runs until it is stopped."""

    def __init__(self) -> None:
        self.running, self.container = True, self

    def connect(self):
        raise ConnectionRefusedError

    def stop(self) -> None:
        self.running = False


class Machine:
    """Starts servers; `outcome` is asked for each, by its number, and may raise."""

    def __init__(self) -> None:
        self.servers: list[Server] = []
        self.asked = 0
        self.outcome = lambda number, cancelled: None
        self._lock = threading.Lock()

    def start(self, *arguments, cancelled, **named) -> Server:
        with self._lock:
            number, self.asked = self.asked, self.asked + 1
        self.outcome(number, cancelled)
        server = Server()
        self.servers.append(server)
        return server

    @property
    def running(self) -> list[Server]:
        return [server for server in self.servers if server.running]


@pytest.fixture
def machine(monkeypatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(serving, "start", machine.start)
    monkeypatch.setattr(endpoints_module, "_WATCH_INTERVAL", 0.01)
    return machine


VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}


@pytest.fixture
def endpoints(context, machine):
    models = Models(context, Registry(context))
    models.create_model({"ModelName": "m", "PrimaryContainer": {"Image": "scene-ml:1"}})
    configs = EndpointConfigs(context, models)
    variant = {"VariantName": "A", "ModelName": "m", "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"}
    configs.create_endpoint_config({"EndpointConfigName": "c", "ProductionVariants": [variant]})
    made = Endpoints(context, models, configs)
    yield made
    made.close()


def settled(endpoints, name="e"):
    statuses = ("InService", "Failed")
    return eventually(lambda: (d := endpoints.find(name))["EndpointStatus"] in statuses and d)


def in_service(endpoints):
    endpoints.create_endpoint({"EndpointName": "e", "EndpointConfigName": "c"})
    assert settled(endpoints)["EndpointStatus"] == "InService"


def test_instances_that_start_beside_one_that_fails_are_stopped_each_time(context, machine):
    def second_fails(number, cancelled):
        if number % 2:
            raise ServerFailed("no luck")

    machine.outcome = second_fails
    variant = Variant(context, "e", {"VariantName": "A", "InitialInstanceCount": 2}, {"Image": "scene-ml:1"})
    for _ in range(10):
        with pytest.raises(ServerFailed, match="no luck"):
            variant.resize()

    assert len(machine.servers) == 10
    assert machine.running == []


def test_an_endpoint_that_is_deleted_while_it_starts_leaves_no_server(endpoints, machine):
    started, deleted = threading.Event(), threading.Event()

    def wait_for_the_deletion(number, cancelled):
        started.set()
        assert deleted.wait(PATIENCE_S)

    machine.outcome = wait_for_the_deletion
    endpoints.create_endpoint({"EndpointName": "e", "EndpointConfigName": "c"})
    assert started.wait(PATIENCE_S)
    endpoints.delete_endpoint({"EndpointName": "e"})
    deleted.set()

    eventually(lambda: machine.asked == 2 and len(machine.servers) == 2 and not machine.running)
    assert endpoints.route("e") is None


def test_whoever_restarts_an_instance_gives_up_when_its_endpoint_is_deleted(endpoints, machine):
    in_service(endpoints)
    restarting = threading.Event()

    def hang_until_cancelled(number, cancelled):
        restarting.set()
        eventually(cancelled)
        raise ServerFailed("cancelled")

    machine.outcome = hang_until_cancelled
    machine.servers[0].running = False
    assert restarting.wait(PATIENCE_S)
    endpoints.delete_endpoint({"EndpointName": "e"})

    eventually(lambda: not endpoints.exists("e"))
    assert machine.running == []


def test_the_watcher_outlives_an_unexpected_error_logs_it_and_restarts_the_instance(endpoints, machine, caplog):
    in_service(endpoints)

    def break_once(number, cancelled):
        if number == 2:
            raise KeyError("a disk that is full")

    machine.outcome = break_once
    machine.servers[0].running = False

    eventually(lambda: len(machine.running) == 2)
    assert "instances of c could not be looked after" in caplog.text
    assert "a disk that is full" in caplog.text


def test_a_failed_update_stops_all_that_it_has_started(endpoints, machine):
    in_service(endpoints)

    def fail(number, cancelled):
        if number == 3:
            raise ServerFailed("no luck")

    machine.outcome = fail
    endpoints.update_endpoint({"EndpointName": "e", "EndpointConfigName": "c"})

    document = settled(endpoints)
    assert "Unable to deploy c: no luck" in document["FailureReason"]
    assert machine.running == machine.servers[:2]


@pytest.mark.parametrize(("member", "value"), [("VpcConfig", VPC), ("EnableNetworkIsolation", True)])
def test_a_serverless_variant_takes_no_model_in_a_network_nor_an_isolated_one_and_instances_do(context, member, value):
    models = Models(context, Registry(context))
    models.create_model({"ModelName": "m", "PrimaryContainer": {"Image": "scene-ml:1"}, member: value})
    configs = EndpointConfigs(context, models)
    instance = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}

    def configured(name, runs_on):
        variant = {"VariantName": "A", "ModelName": "m", **runs_on}
        return configs.create_endpoint_config({"EndpointConfigName": name, "ProductionVariants": [variant]})

    with pytest.raises(ApiError, match=f"offers no {member}, which model m has"):
        configured("serverless", serverless)
    assert configured("instance", instance)["EndpointConfigArn"].endswith("/instance")


def canary(size: dict, **policy: int) -> dict:
    routing = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": 0}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **policy}}


@pytest.mark.parametrize(
    ("deployment", "said"),
    [
        (canary({"Type": "INSTANCE_COUNT", "Value": 2}), "CanarySize must be at most 50% of the variant's 2 instances"),
        (canary({"Type": "CAPACITY_PERCENT", "Value": 60}), "at most 50%"),
        (canary({"Type": "INSTANCE_COUNT", "Value": 1}, MaximumExecutionTimeoutInSeconds=600), None),
        (
            canary(
                {"Type": "INSTANCE_COUNT", "Value": 1},
                TerminationWaitInSeconds=600,
                MaximumExecutionTimeoutInSeconds=600,
            ),
            "MaximumExecutionTimeoutInSeconds must be longer than the waits, 600 s",
        ),
    ],
    ids=["two of two", "most of them", "half", "no time left"],
)
def test_a_canary_is_at_most_half_of_the_new_fleet_and_ends_in_time(endpoints, deployment, said):
    in_service(endpoints)
    update = {"EndpointName": "e", "EndpointConfigName": "c", "DeploymentConfig": deployment}
    if said is None:
        assert endpoints.update_endpoint(update)["EndpointArn"]
    else:
        with pytest.raises(ApiError, match=said):
            endpoints.update_endpoint(update)
        assert endpoints.find("e")["EndpointStatus"] == "InService"


def test_a_new_fleet_is_creating_until_it_takes_traffic_and_is_baking_then(endpoints, machine, monkeypatch):
    in_service(endpoints)
    seen, let_go = [], threading.Event()

    def status() -> str:
        (variant,) = endpoints.find("e")["PendingDeploymentSummary"]["ProductionVariants"]
        return variant["VariantStatus"][0]["Status"]

    machine.outcome = lambda number, cancelled: seen.append(status())
    monkeypatch.setattr(type(endpoints), "_bake", lambda *_: (seen.append(status()), let_go.wait(PATIENCE_S)))
    deployment = canary({"Type": "INSTANCE_COUNT", "Value": 1})
    endpoints.update_endpoint({"EndpointName": "e", "EndpointConfigName": "c", "DeploymentConfig": deployment})
    let_go.set()
    settled(endpoints)
    assert set(seen[:2]) == {"Creating"}
    assert set(seen[2:]) == {"Baking"}
