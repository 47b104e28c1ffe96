"""The policy documents of a plan, statement by statement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.guard.plan import Plan, Resource

# Where each kind has its document. Those of the first say what somebody may, those of the second who may.
IDENTITY = {
    "aws_iam_group_policy": "policy",
    "aws_iam_policy": "policy",
    "aws_iam_role_policy": "policy",
    "aws_iam_user_policy": "policy",
}
RESOURCE = {
    "aws_cloudwatch_log_resource_policy": "policy_document",
    "aws_ecr_repository_policy": "policy",
    "aws_glue_resource_policy": "policy",
    "aws_iam_role": "assume_role_policy",
    "aws_kms_key": "policy",
    "aws_kms_key_policy": "policy",
    "aws_s3_bucket_policy": "policy",
    "aws_sagemaker_model_package_group_policy": "resource_policy",
    "aws_sns_topic_policy": "policy",
    "aws_sqs_queue_policy": "policy",
}


@dataclass(frozen=True)
class Statement:
    """One statement and whose it is."""

    resource: Resource
    document: dict[str, Any]

    @property
    def allows(self) -> bool:
        return self.document["Effect"] == "Allow"

    @property
    def name(self) -> str:
        return f"statement {self.document['Sid']}" if self.document.get("Sid") else "a statement"

    def texts(self, field: str) -> list[str]:
        value = self.document.get(field, [])
        return [value] if isinstance(value, str) else list(value)

    def anybody(self) -> bool:
        principal = self.document.get("Principal")
        named = principal.values() if isinstance(principal, dict) else [principal]
        return any("*" in ([value] if isinstance(value, str) else value or []) for value in named)

    def services(self) -> list[str]:
        """Services that it trusts."""
        principal = self.document.get("Principal")
        named = principal.get("Service", []) if isinstance(principal, dict) else []
        return [named] if isinstance(named, str) else named

    def federated(self) -> list[str]:
        """Identity providers that it trusts."""
        principal = self.document.get("Principal")
        named = principal.get("Federated", []) if isinstance(principal, dict) else []
        return [named] if isinstance(named, str) else named

    def compared(self, ending: str) -> list[str]:
        """What its conditions compare the keys of this ending with."""
        return [
            text
            for keys in self.document.get("Condition", {}).values()
            for key, value in keys.items()
            if key.endswith(ending)
            for text in ([value] if isinstance(value, str) else value)
        ]

    def conditions(self) -> set[str]:
        """Keys that its conditions compare."""
        return {key.lower() for keys in self.document.get("Condition", {}).values() for key in keys}


def statements(plan: Plan, places: dict[str, str]) -> Iterator[Statement]:
    """The statements that are known before the apply."""
    for resource in plan.resources(*places):
        text = resource.one(places[resource.kind])
        if isinstance(text, str) and text:
            written = json.loads(text)["Statement"]
            for document in [written] if isinstance(written, dict) else written:
                yield Statement(resource, document)


def unread(plan: Plan) -> int:
    """Documents that are not known before the apply."""
    places = IDENTITY | RESOURCE
    return sum(not isinstance(resource.one(places[resource.kind]), str) for resource in plan.resources(*places))
