"""What releases have made beside Terraform: registered packages, models, endpoint configurations.

Terraform cannot delete a registry that holds packages, and does not know the models that serve: `make destroy` begins
and ends here.
"""

from __future__ import annotations

from typing import Any, BinaryIO
from urllib.parse import urlparse

import boto3
from scoring import documents

PROBLEMS = ("credit", "fraud")


def live(dynamodb: Any, prefix: str) -> dict:
    """What of the fraud release the doors read."""
    return released(dynamodb, prefix, "fraud")


def released(dynamodb: Any, prefix: str, problem: str) -> dict:
    """What is released of a problem; before the first release, what that means."""
    return documents.read(dynamodb, releases_table(prefix), problem, documents.first_release(problem)).body


def last_run(dynamodb: Any, prefix: str, problem: str) -> str | None:
    """ARN of the run of the release's state machine that was started last."""
    return documents.read(dynamodb, releases_table(prefix), f"{problem}/run", {"execution": None}).body["execution"]


def releases_table(prefix: str) -> str:
    """Written by the release function alone."""
    return f"{prefix}-releases"


def delete_packages(prefix: str) -> int:
    """Deletes every registered model package of the platform; returns how many there were."""
    sagemaker: Any = boto3.client("sagemaker")
    found = [arn for problem in PROBLEMS for arn in packages(sagemaker, f"{prefix}-{problem}")]
    for package in found:
        sagemaker.delete_model_package(ModelPackageName=package)
    return len(found)


def packages(sagemaker: Any, group: str, **among: str) -> list[str]:
    """ARNs of a group's model packages; of a group that does not exist, none."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group, **among)
    try:
        return [p["ModelPackageArn"] for page in pages for p in page["ModelPackageSummaryList"]]
    except sagemaker.exceptions.ClientError as missing:
        if "does not exist" in str(missing) or "ResourceNotFound" in str(missing):
            return []
        raise


def fetch_archive(sagemaker: Any, s3: Any, package: str, target: BinaryIO) -> None:
    """Writes the model archive of a registered package to an open file, and goes back to its beginning."""
    described = sagemaker.describe_model_package(ModelPackageName=package)
    place = urlparse(described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
    s3.download_fileobj(place.netloc, place.path.lstrip("/"), target)
    target.seek(0)


def delete_models(prefix: str) -> int:
    """Deletes endpoint configurations and models that releases made; returns how many there were."""
    sagemaker: Any = boto3.client("sagemaker")
    configs = named(sagemaker, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", prefix)
    for name in configs:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    models = named(sagemaker, "list_models", "Models", "ModelName", prefix)
    for name in models:
        sagemaker.delete_model(ModelName=name)
    return len(configs) + len(models)


def named(sagemaker: Any, operation: str, member: str, key: str, prefix: str) -> list[str]:
    pages = sagemaker.get_paginator(operation).paginate(NameContains=prefix)
    return [item[key] for page in pages for item in page[member] if item[key].startswith(f"{prefix}-")]
