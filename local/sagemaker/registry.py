"""The model registry: package groups, versioned packages, approval."""

from __future__ import annotations

import threading
import time
from typing import Any

from . import limits, listing
from .context import Context
from .errors import ApiError, conflict, validation

_SUMMARY = ("ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "CreationTime",
            "ModelPackageDescription", "ModelPackageStatus", "ModelApprovalStatus", "ModelLifeCycle",
            "ModelPackageRegistrationType")  # fmt: skip
_UPDATABLE = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties", "ModelCard",
              "ModelLifeCycle", "SourceUri", "InferenceSpecification", "ModelPackageRegistrationType")  # fmt: skip


class Registry:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._groups = context.store.table("model-package-group")
        self._packages = context.store.table("model-package")
        self._versions = threading.Lock()

    def create_model_package_group(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelPackageGroupName"]
        arn = self._context.settings.arn("model-package-group", name)
        document = {
            **request,
            "ModelPackageGroupArn": arn,
            "ModelPackageGroupStatus": "Completed",
            "CreationTime": time.time(),
            "CreatedBy": {},
            "LastVersion": 0,
        }
        tags = document.pop("Tags", None)
        taken = validation(f"Model Package Group already exists: {arn}")
        self._groups.create(name, document, lambda: taken)
        self._context.tags.set_initial(arn, tags)
        return {"ModelPackageGroupArn": arn}

    def describe_model_package_group(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._group(request["ModelPackageGroupName"])

    def delete_model_package_group(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._group(request["ModelPackageGroupName"])
        name = group["ModelPackageGroupName"]
        if any(package.get("ModelPackageGroupName") == name for package in self._packages.all()):
            raise conflict(f"Cannot delete Model Package Group {name}: it contains model packages.")
        self._groups.delete(name)
        self._context.tags.forget(group["ModelPackageGroupArn"])
        return {}

    def list_model_package_groups(self, request: dict[str, Any]) -> dict[str, Any]:
        items, token = listing.page(self._groups.all(), request, name="ModelPackageGroupName")
        members = ("ModelPackageGroupName", "ModelPackageGroupArn", "ModelPackageGroupDescription", "CreationTime",
                   "ModelPackageGroupStatus")  # fmt: skip
        chosen = [{key: item[key] for key in members if key in item} for item in items]
        return {"ModelPackageGroupSummaryList": chosen, "NextToken": token}

    def create_model_package(self, request: dict[str, Any]) -> dict[str, Any]:
        """Register a version (with ModelPackageGroupName) or an unversioned package (with ModelPackageName)."""
        _require_few(request.get("CustomerMetadataProperties", {}))
        document = {k: v for k, v in request.items() if k not in ("Tags", "ClientToken")}
        document |= {
            "CreationTime": time.time(),
            "CreatedBy": {},
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        }
        group_name = request.get("ModelPackageGroupName", "").rpartition("/")[2]
        with self._versions:
            if group_name:
                version = self._group(group_name)["LastVersion"] + 1
                name = f"{group_name}/{version}"
                document |= {"ModelPackageGroupName": group_name, "ModelPackageVersion": version}
                document.setdefault("ModelApprovalStatus", "PendingManualApproval")
            elif "ModelPackageName" in request:
                name = request["ModelPackageName"]
            else:
                raise validation("Either ModelPackageGroupName or ModelPackageName must be given.")
            arn = self._context.settings.arn("model-package", name)
            document |= {"ModelPackageArn": arn, "ModelPackageName": name.partition("/")[0]}
            taken = conflict(f"Model package already exists: {arn}")
            self._packages.create(arn, document, lambda: taken)
            if group_name:
                self._groups.change(group_name, LastVersion=version)
        self._context.tags.set_initial(arn, request.get("Tags"))
        self._announce(document, [])
        return {"ModelPackageArn": arn}

    def describe_model_package(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.find(request["ModelPackageName"])

    def update_model_package(self, request: dict[str, Any]) -> dict[str, Any]:
        package = self.find(request["ModelPackageArn"])
        changes = {key: request[key] for key in _UPDATABLE if key in request}
        if "CustomerMetadataProperties" in changes or "CustomerMetadataPropertiesToRemove" in request:
            merged = {**package.get("CustomerMetadataProperties", {}), **changes.get("CustomerMetadataProperties", {})}
            for key in request.get("CustomerMetadataPropertiesToRemove", []):
                merged.pop(key, None)
            _require_few(merged)
            changes["CustomerMetadataProperties"] = merged
        if "AdditionalInferenceSpecificationsToAdd" in request:
            added = request["AdditionalInferenceSpecificationsToAdd"]
            known = package.get("AdditionalInferenceSpecifications", [])
            changes["AdditionalInferenceSpecifications"] = [*known, *added]
        changed = self._packages.change(package["ModelPackageArn"], **changes, LastModifiedBy={})
        if changed is None:
            raise _no_package(request["ModelPackageArn"])
        self._announce(changed, sorted(changes))
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def delete_model_package(self, request: dict[str, Any]) -> dict[str, Any]:
        package = self.find(request["ModelPackageName"])
        self._packages.delete(package["ModelPackageArn"])
        self._context.tags.forget(package["ModelPackageArn"])
        return {}

    def list_model_packages(self, request: dict[str, Any]) -> dict[str, Any]:
        """List unversioned packages, or a group's versions; ModelPackageType Both gives all."""
        group = request.get("ModelPackageGroupName", "").rpartition("/")[2]
        kind = request.get("ModelPackageType", "Versioned" if group else "Unversioned")
        chosen = [
            package
            for package in self._packages.all()
            if (not group or package.get("ModelPackageGroupName") == group)
            and (kind == "Both" or ("ModelPackageVersion" in package) == (kind == "Versioned"))
            and package.get("ModelApprovalStatus")
            == request.get("ModelApprovalStatus", package.get("ModelApprovalStatus"))
        ]
        items, token = listing.page(chosen, request, name="ModelPackageName")
        summaries = [{key: item[key] for key in _SUMMARY if key in item} for item in items]
        return {"ModelPackageSummaryList": summaries, "NextToken": token}

    def find(self, name_or_arn: str) -> dict[str, Any]:
        """Return a package by ARN, by `group/version` or by the name of an unversioned one."""
        arn = (
            name_or_arn if name_or_arn.startswith("arn:") else self._context.settings.arn("model-package", name_or_arn)
        )
        if (package := self._packages.get(arn)) is None:
            raise _no_package(arn)
        return package

    def _group(self, name_or_arn: str) -> dict[str, Any]:
        name = name_or_arn.rpartition("/")[2]
        if (group := self._groups.get(name)) is None:
            arn = self._context.settings.arn("model-package-group", name)
            raise validation(f"ModelPackageGroup {arn} does not exist.")
        return group

    def _announce(self, package: dict[str, Any], updated: list[str]) -> None:
        keys = ("ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "CreationTime",
                "ModelPackageDescription", "InferenceSpecification", "ModelPackageStatus", "ModelPackageStatusDetails",
                "ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties", "ModelLifeCycle",
                "SourceUri", "ModelMetrics")  # fmt: skip
        detail = {key: package[key] for key in keys if key in package}
        detail["CreationTime"] = int(package["CreationTime"] * 1000)
        detail["UpdatedModelPackageFields"] = updated
        self._context.events.publish("SageMaker Model Package State Change", package["ModelPackageArn"], detail)


def _require_few(properties: dict[str, str]) -> None:
    most = limits.METADATA_PAIRS
    limits.require(len(properties) <= most, "CustomerMetadataProperties", f"at most {most} pairs", len(properties))


def _no_package(arn: str) -> ApiError:
    return validation(f"ModelPackage {arn} does not exist.")
