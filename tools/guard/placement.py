"""Where a plan makes a network, everything that can stand in it does: what is left outside calls over the internet.

Models are left out: they are made once and never changed, so those from before a network stay outside until the next
release; `modules/endpoint` and the release's own tests hold new ones to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tools.guard.keys import DEFINITIONS
from tools.guard.plan import Finding, Plan

# Where each kind says so.
SAID = {"aws_glue_job": "connections", "aws_lambda_function": "vpc_config[].subnet_ids"}
# What only a request for a job of this kind has, and where such a request names subnets.
JOBS = {
    "ProcessingResources": ("NetworkConfig", "VpcConfig", "Subnets"),
    "AlgorithmSpecification": ("VpcConfig", "Subnets"),
}


def findings(plan: Plan) -> Iterator[Finding]:
    if not plan.resources("aws_vpc"):
        return
    for resource in plan.resources(*SAID):
        if not all(resource.at(SAID[resource.kind])):
            yield Finding(resource.address, f"stands outside the network that there is: {SAID[resource.kind]}")
    for resource in plan.resources(*DEFINITIONS):
        definition = resource.one(DEFINITIONS[resource.kind])
        if isinstance(definition, str):
            for where in outside(json.loads(definition)):
                yield Finding(resource.address, f"{where} stands outside the network that there is: name its subnets")


def outside(document: Any, where: str = "") -> Iterator[str]:
    """Paths of requests for jobs, within a definition, that name no subnet."""
    if isinstance(document, list):
        for at, element in enumerate(document):
            name = element.get("Name", at) if isinstance(element, dict) else at
            yield from outside(element, f"{where}[{name}]")
    elif isinstance(document, dict):
        for mark, path in JOBS.items():
            if mark in document and not [subnet for subnet in _below(document, path) if subnet]:
                yield where
        for name, value in document.items():
            yield from outside(value, f"{where}.{name}".lstrip("."))


def _below(document: Any, path: tuple[str, ...]) -> list[Any]:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document or []
