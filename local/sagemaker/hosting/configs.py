"""Endpoint configurations: immutable descriptions of variants."""

from __future__ import annotations

import time
from typing import Any

from .. import listing
from ..context import Context
from ..errors import already_exists, could_not_find, validation
from .models import Models


class EndpointConfigs:
    def __init__(self, context: Context, models: Models) -> None:
        self._context, self._models = context, models
        self._table = context.store.table("endpoint-config")

    def create_endpoint_config(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointConfigName"]
        arn = self._context.settings.arn("endpoint-config", name)
        variants = [*request["ProductionVariants"], *request.get("ShadowProductionVariants", [])]
        names = [variant["VariantName"] for variant in variants]
        if len(set(names)) != len(names):
            raise validation("Two variants of an endpoint configuration have the same VariantName.")
        if request.get("ShadowProductionVariants") and len(variants) != 2:
            raise validation("A shadow test takes exactly one production and one shadow variant.")
        for variant in variants:
            if "ModelName" not in variant:
                raise validation("Inference components are not offered by the local SageMaker server: name a model.")
            model = self._models.find(variant["ModelName"])
            for member in ("VpcConfig", "EnableNetworkIsolation"):
                if "ServerlessConfig" in variant and model.get(member):
                    raise validation(
                        f"Serverless inference offers no {member}, which model {variant['ModelName']} has: make a "
                        "model without it, or name an InstanceType."
                    )
        for member in ("AsyncInferenceConfig", "ExplainerConfig"):
            if member in request:
                raise validation(f"{member} is not offered by the local SageMaker server.")
        if request.get("DataCaptureConfig", {}).get("EnableCapture"):
            raise validation("Data capture is not offered by the local SageMaker server.")
        document = {**request, "EndpointConfigArn": arn, "CreationTime": time.time()}
        tags = document.pop("Tags", None)
        self._table.create(name, document, lambda: already_exists("endpoint configuration", arn))
        self._context.tags.set_initial(arn, tags)
        return {"EndpointConfigArn": arn}

    def describe_endpoint_config(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"EnableNetworkIsolation": False, **self.find(request["EndpointConfigName"])}

    def delete_endpoint_config(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self.find(request["EndpointConfigName"])
        self._table.delete(request["EndpointConfigName"])
        self._context.tags.forget(document["EndpointConfigArn"])
        return {}

    def list_endpoint_configs(self, request: dict[str, Any]) -> dict[str, Any]:
        items, token = listing.page(self._table.all(), request, name="EndpointConfigName")
        members = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
        return {"EndpointConfigs": [{key: item[key] for key in members} for item in items], "NextToken": token}

    def find(self, name: str) -> dict[str, Any]:
        if (document := self._table.get(name)) is None:
            raise could_not_find("endpoint configuration", self._context.settings.arn("endpoint-config", name))
        return document
