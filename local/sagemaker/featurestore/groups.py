"""Feature groups: CreateFeatureGroup and its companions."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from .. import listing
from ..context import Context
from ..errors import ApiError, resource_not_found, validation
from . import offline
from .online import OnlineStore
from .schema import RESERVED, Schema

_log = logging.getLogger(__name__)
_EVENT_TIME_TYPES = ("String", "Fractional")


class FeatureGroups:
    def __init__(self, context: Context, online: OnlineStore) -> None:
        self._context, self._online = context, online
        self._table = context.store.table("feature-group")
        self._metadata = context.store.table("feature-metadata")
        self._ready: dict[str, tuple[dict[str, Any], Schema]] = {}

    def create_feature_group(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["FeatureGroupName"]
        _check(request)
        self._context.surroundings.require_role(request.get("RoleArn"))
        arn = self._context.settings.arn("feature-group", name.lower())
        now = time.time()
        document = {
            **request,
            "FeatureGroupArn": arn,
            "FeatureGroupStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        tags = document.pop("Tags", None)
        if "OfflineStoreConfig" in document:
            document["OfflineStoreConfig"] = self._complete(document)
        taken = ApiError("ResourceInUse", f"Resource Already Exists: FeatureGroup with name {name} already exists.")
        self._table.create(name, document, lambda: taken)
        self._context.tags.set_initial(arn, tags)
        threading.Thread(target=self._build, args=(document,), daemon=True).start()
        return {"FeatureGroupArn": arn}

    def restore(self) -> None:
        """Go on with groups that an earlier run of the same state folder was making."""
        for document in self._table.all():
            if document["FeatureGroupStatus"] == "Creating":
                self._build(document)

    def describe_feature_group(self, request: dict[str, Any]) -> dict[str, Any]:
        document = self.find(request["FeatureGroupName"])
        if document.get("OnlineStoreConfig", {}).get("EnableOnlineStore"):
            document["OnlineStoreTotalSizeBytes"] = self._online.size(document["FeatureGroupArn"])
        # The model demands a NextToken; all features come in one page, so it is empty.
        return {**document, "NextToken": ""}

    def list_feature_groups(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("FeatureGroupStatusEquals")
        found = [group for group in self._table.all() if wanted in (None, group["FeatureGroupStatus"])]
        items, token = listing.page(found, request, name="FeatureGroupName")
        members = ("FeatureGroupName", "FeatureGroupArn", "CreationTime", "FeatureGroupStatus", "OfflineStoreStatus")
        chosen = [{key: item[key] for key in members if key in item} for item in items]
        return {"FeatureGroupSummaries": chosen, "NextToken": token}

    def update_feature_group(self, request: dict[str, Any]) -> dict[str, Any]:
        """Add features (never remove) and change the time to live."""
        document = self.find(request["FeatureGroupName"])
        name = document["FeatureGroupName"]
        definitions = [*document["FeatureDefinitions"], *request.get("FeatureAdditions", [])]
        _check({**document, "FeatureDefinitions": definitions})
        changes: dict[str, Any] = {"FeatureDefinitions": definitions, "LastUpdateStatus": {"Status": "Successful"}}
        if "OnlineStoreConfig" in request:
            changes["OnlineStoreConfig"] = {**document.get("OnlineStoreConfig", {}), **request["OnlineStoreConfig"]}
        if "ThroughputConfig" in request:
            changes["ThroughputConfig"] = request["ThroughputConfig"]
        changed = self._table.change(name, **changes)
        self._ready.pop(name, None)
        if changed and "DataCatalogConfig" in changed.get("OfflineStoreConfig", {}) and request.get("FeatureAdditions"):
            offline.update_table(self._context.aws, changed)
        return {"FeatureGroupArn": document["FeatureGroupArn"]}

    def delete_feature_group(self, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the group and its online records; files and Glue table stay, as on AWS."""
        document = self.find(request["FeatureGroupName"])
        name = document["FeatureGroupName"]
        self._table.delete(name)
        self._ready.pop(name, None)
        self._online.drop(document["FeatureGroupArn"])
        self._context.tags.forget(document["FeatureGroupArn"])
        for definition in document["FeatureDefinitions"]:
            self._metadata.delete(f"{name}/{definition['FeatureName']}")
        return {}

    def describe_feature_metadata(self, request: dict[str, Any]) -> dict[str, Any]:
        group, definition = self._feature(request)
        noted = self._metadata.get(f"{group['FeatureGroupName']}/{definition['FeatureName']}") or {}
        times = {"CreationTime": group["CreationTime"], "LastModifiedTime": group["LastModifiedTime"]}
        return {**group, **definition, **times, "Description": "", **noted}

    def update_feature_metadata(self, request: dict[str, Any]) -> dict[str, Any]:
        group, definition = self._feature(request)
        key = f"{group['FeatureGroupName']}/{definition['FeatureName']}"
        noted = self._metadata.get(key) or {"Parameters": []}
        parameters = {p["Key"]: p for p in [*noted["Parameters"], *request.get("ParameterAdditions", [])]}
        for removed in request.get("ParameterRemovals", []):
            parameters.pop(removed, None)
        changed = {"Parameters": list(parameters.values()), "LastModifiedTime": time.time()}
        if "Description" in {**noted, **request}:
            changed["Description"] = {**noted, **request}["Description"]
        self._metadata.put(key, changed)
        return {}

    def find(self, name_or_arn: str) -> dict[str, Any]:
        name = name_or_arn.rpartition("/")[2]
        document = self._table.get(name)
        if document is None and name_or_arn.startswith("arn:"):
            document = next((g for g in self._table.all() if g["FeatureGroupArn"] == name_or_arn), None)
        if document is None:
            raise resource_not_found(f"Resource Not Found: FeatureGroup with name {name} does not exist.")
        return document

    def ready(self, name: str) -> tuple[dict[str, Any], Schema]:
        """Return a group and its schema for the runtime; raises the runtime's ResourceNotFound."""
        if (found := self._ready.get(name)) is not None:
            return found
        try:
            document = self.find(name)
        except ApiError as error:
            raise ApiError("ResourceNotFound", error.message, 404) from error
        if document["FeatureGroupStatus"] != "Created":
            raise ApiError(
                "ResourceNotFound", f"FeatureGroup {name} is in status {document['FeatureGroupStatus']}.", 404
            )
        self._ready[name] = found = (document, Schema.of(document))
        return found

    def _feature(self, request: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        group = self.find(request["FeatureGroupName"])
        for definition in group["FeatureDefinitions"]:
            if definition["FeatureName"] == request["FeatureName"]:
                return group, definition
        raise resource_not_found(f"Resource Not Found: Feature {request['FeatureName']} does not exist.")

    def _complete(self, document: dict[str, Any]) -> dict[str, Any]:
        config = {**document["OfflineStoreConfig"]}
        uri = offline.resolved_uri(self._context.settings, document)
        config["S3StorageConfig"] = {**config["S3StorageConfig"], "ResolvedOutputS3Uri": uri}
        if not config.get("DisableGlueTableCreation"):
            table = f"{document['FeatureGroupName'].replace('-', '_').lower()}_{int(document['CreationTime'])}"
            default = {"TableName": table, "Catalog": "AwsDataCatalog", "Database": "sagemaker_featurestore"}
            config["DataCatalogConfig"] = {**default, **config.get("DataCatalogConfig", {})}
        return {"TableFormat": "Glue", **config}

    def _build(self, document: dict[str, Any]) -> None:
        name = document["FeatureGroupName"]
        try:
            config = document.get("OfflineStoreConfig")
            if config:
                offline.see_bucket(self._context.aws, document)
            if config and not config.get("DisableGlueTableCreation"):
                offline.create_table(self._context.aws, document)
        except Exception as error:
            _log.exception("feature group %s", name)
            self._table.change(name, FeatureGroupStatus="CreateFailed", FailureReason=str(error))
            return
        status = {"OfflineStoreStatus": {"Status": "Active"}} if config else {}
        self._table.change(name, FeatureGroupStatus="Created", **status)


def _check(request: dict[str, Any]) -> None:
    definitions = {d["FeatureName"]: d for d in request["FeatureDefinitions"]}
    if len(definitions) != len(request["FeatureDefinitions"]):
        raise validation("Two feature definitions have the same FeatureName.")
    for name in definitions:
        if name.lower() in RESERVED:
            raise validation(f"FeatureName {name} is reserved: {', '.join(RESERVED)}.")
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if request[member] not in definitions:
            raise validation(f"{member} {request[member]} is not among the FeatureDefinitions.")
    kind = definitions[request["EventTimeFeatureName"]]["FeatureType"]
    if kind not in _EVENT_TIME_TYPES:
        raise validation(f"EventTimeFeatureName must be of type {' or '.join(_EVENT_TIME_TYPES)}, not {kind}.")
    online = request.get("OnlineStoreConfig", {})
    store = request.get("OfflineStoreConfig")
    if not online.get("EnableOnlineStore") and not store:
        raise validation("A feature group needs an online store, an offline store or both.")
    if store and store.get("TableFormat", "Glue") != "Glue":
        raise validation(f"TableFormat {store['TableFormat']} is not offered by the local SageMaker server.")
    if store and online.get("StorageType") == "InMemory":
        raise validation("A feature group with an InMemory online store cannot have an offline store.")
    if store and not request.get("RoleArn"):
        raise validation("A feature group with an offline store needs a RoleArn.")
