"""What the platform takes of an account, by the names under which Service Quotas keeps them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """The service's code, the quota's name there, and how much the platform takes at most."""

    service: str
    name: str
    needed: float


def quotas(jobs: str, endpoint: str, instances: int, shards: int | None) -> list[Quota]:
    """For these instance types, so many of the endpoint's and so many shards a stream, or none where streams grow on
    demand. New accounts often have 0 instances.

    An endpoint has two fleets while it changes over; credit and fraud may train at the same time, two candidates each.
    """
    return [
        Quota("lambda", "Concurrent executions", 100),
        *([Quota("kinesis", "Shards per Region", 2 * shards)] if shards else []),
        Quota("sagemaker", f"{endpoint} for endpoint usage", instances),
        Quota("sagemaker", f"{jobs} for processing job usage", 2),
        Quota("sagemaker", f"{jobs} for training job usage", 4),
        Quota("sagemaker", f"{jobs} for transform job usage", 1),
    ]
