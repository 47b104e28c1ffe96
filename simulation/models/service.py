"""What all models share: a client is made for each caller, and each of its methods is a step of the schedule."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from simulation.scheduler import Scheduler


def error(code: str, operation: str, status: int = 400, **further: Any) -> ClientError:
    """A refusal as boto3 raises it."""
    response = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **further}
    return ClientError(response, operation)  # type: ignore[arg-type]


class Service:
    """One service. Operations are methods `do_<name of the client's method>`; `some_<name>`, where there is one, is
    what a service does that is short of capacity and may say so call by call; else it refuses all with `throttled`."""

    throttled = "ThrottlingException"

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        self.scheduler, self.name = scheduler, name

    def client(self, tries: int = 1) -> Client:
        """As boto3 makes one; `tries` is how often it sends a request that is not answered."""
        return Client(self, tries)

    def told(self, operation: str, request: dict) -> str:
        """A request in a few words, for the trace."""
        return ""

    def prepared(self, operation: str, request: dict) -> dict:
        """What boto3 makes of a request before it is sent."""
        return request


class Client:
    def __init__(self, service: Service, tries: int) -> None:
        self._service, self._tries = service, tries

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        service = self._service
        do = getattr(service, f"do_{operation}", None)
        if do is None:
            raise AttributeError(f"the model of {service.name} has no {operation}: add do_{operation} to its class")
        some = getattr(service, f"some_{operation}", None)

        def refuse(request: dict) -> Any:
            if some is not None:
                return some(**request)
            raise error(service.throttled, operation)

        def call(**request: Any) -> Any:
            request = service.prepared(operation, request)
            return service.scheduler.step(
                service.name,
                operation,
                partial(do, **request),
                partial(refuse, request),
                self._tries,
                partial(service.told, operation, request),
            )

        self.__dict__[operation] = call
        return call
