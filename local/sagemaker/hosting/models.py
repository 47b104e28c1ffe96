"""Models: an image, an archive and an environment under one name."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from .. import images, listing, objects
from ..context import Context
from ..errors import already_exists, could_not_find, validation
from ..registry import Registry


class Models:
    def __init__(self, context: Context, registry: Registry) -> None:
        self._context, self._registry = context, registry
        self._table = context.store.table("model")

    def create_model(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelName"]
        arn = self._context.settings.arn("model", name)
        containers = request.get("Containers") or [request.get("PrimaryContainer") or {}]
        if len(containers) != 1:
            raise validation("Inference pipelines (several containers) are not offered by the local SageMaker server.")
        self._context.surroundings.require_role(request.get("ExecutionRoleArn"))
        container = self.resolve(containers[0])
        images.require(container["Image"], self._context.surroundings)
        self._check_data(container, request.get("ExecutionRoleArn"))
        document = {**request, "ModelArn": arn, "CreationTime": time.time()}
        tags = document.pop("Tags", None)
        self._table.create(name, document, lambda: already_exists("model", arn))
        self._context.tags.set_initial(arn, tags)
        return {"ModelArn": arn}

    def describe_model(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"EnableNetworkIsolation": False, **self.find(request["ModelName"])}

    def delete_model(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self.find(request["ModelName"])
        self._table.delete(request["ModelName"])
        self._context.tags.forget(document["ModelArn"])
        return {}

    def list_models(self, request: dict[str, Any]) -> dict[str, Any]:
        items, token = listing.page(self._table.all(), request, name="ModelName")
        members = ("ModelName", "ModelArn", "CreationTime")
        return {"Models": [{key: item[key] for key in members} for item in items], "NextToken": token}

    def find(self, name: str) -> dict[str, Any]:
        if (document := self._table.get(name)) is None:
            raise could_not_find("model", self._context.settings.arn("model", name))
        return document

    def container(self, name: str) -> dict[str, Any]:
        """Return what a model or its package says: `Image`, `ModelDataUrl`, `Environment`, isolation and role."""
        document = self.find(name)
        container = self.resolve((document.get("Containers") or [document["PrimaryContainer"]])[0])
        isolated = document.get("EnableNetworkIsolation", False)
        return {**container, "EnableNetworkIsolation": isolated, "ExecutionRoleArn": self.role(name)}

    def role(self, name: str) -> str:
        """Return the role (ARN) of a model, whose containers and transform jobs have it."""
        return self.find(name).get("ExecutionRoleArn", "")

    def resolve(self, container: dict[str, Any]) -> dict[str, Any]:
        """Return a container definition with the members that its model package contributes."""
        if package := container.get("ModelPackageName"):
            specified = self._registry.find(package).get("InferenceSpecification", {}).get("Containers")
            if not specified:
                raise validation(f"Model package {package} has no InferenceSpecification.")
            environment = {**specified[0].get("Environment", {}), **container.get("Environment", {})}
            return {**specified[0], **container, "Environment": environment}
        if "Image" not in container:
            raise validation("A container must have an Image or a ModelPackageName.")
        return container

    def _check_data(self, container: dict[str, Any], role: str | None) -> None:
        url = model_data_url(container)
        if not url:
            return
        bucket, key = objects.split_uri(url)
        try:
            self._context.aws.client("s3", role).head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            raise validation(f"Could not find model data at {url}.") from error


def model_data_url(container: dict[str, Any]) -> str:
    """Return where the archive lies, whichever of the two members says so."""
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if source.get("CompressionType", "Gzip") != "Gzip":
        raise validation("Uncompressed model data is not offered by the local SageMaker server.")
    return container.get("ModelDataUrl") or source.get("S3Uri", "")
