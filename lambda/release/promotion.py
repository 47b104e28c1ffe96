"""What a release does: a SageMaker model, for fraud a new endpoint configuration, and the release's document.

The model's archive is a copy that the release makes where nobody else writes: whoever trained it may write over the one
that was registered, and chooses no code that serves by that.

The document keeps the thresholds of the model that serves until the endpoint has changed over, which takes minutes. It
holds those of two models, so a third waits: an endpoint that changes over to another model is told nothing, and nothing
is written. Any step may fail and be tried again: what is done already is left as it is. The document is written after
the endpoint has been told, for SageMaker may refuse, and only as the successor of what was read. Rules and lists are
the operators', in a document of their own that no release reads or writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlparse

from scoring import documents

from release.dossier import lacking

BROKEN = ("Failed", "OutOfService", "UpdateRollbackFailed")  # of an endpoint; the other states pass
SERVED = ("fraud",)  # problems with an endpoint; the others score in batches
THRESHOLDS = ("version", "model", "review_at", "block_at")  # of a policy, solved for one model


class EndpointBusy(RuntimeError):
    """The endpoint changes over to another model. Nothing was written."""


class EndpointBroken(RuntimeError):
    """The endpoint takes no model and will not by itself. Nothing was written."""


class ArchiveChanged(RuntimeError):
    """The archive was written over after its package was registered. Nothing was released."""


class Unsigned(RuntimeError):
    """The version's dossier does not pass and nobody has given a reason. Nothing was written."""


@dataclass(frozen=True)
class Promotion:
    """Clients of SageMaker, S3 and DynamoDB; names begin with `prefix`; `roles` has by problem what its models run as,
    `serving` what the endpoint runs on, `network` the VpcConfig of models, or None. Released archives and thresholds
    are kept in the bucket `lake`, what is released in the table `releases`.

    What a release brings is encrypted by `key`.
    """

    sagemaker: object
    s3: object
    dynamodb: object
    prefix: str
    roles: dict[str, str]
    serving: dict[str, Any]
    network: dict[str, list[str]] | None
    key: str
    lake: str
    releases: str

    def release(self, package: str, group: str, approved_at: str) -> dict:
        """Makes the package serve and records it. The endpoint keeps its old model until the new one is healthy.

        An approval may have waited for hours: it counts for nothing once it was withdrawn, or a later one is released.
        `approved_at` is the event's time. Raises ArchiveChanged, Conflict, EndpointBusy, EndpointBroken and
        Unsigned.
        """
        problem = group.removeprefix(f"{self.prefix}-")
        version = package.rpartition("/")[2]
        model = f"{group}-v{version}"
        description = self._package(package)
        if description is None:
            return {"released": False, "reason": "the package is gone"}
        if description["ModelApprovalStatus"] != "Approved":
            return {"released": False, "reason": f"the package is {description['ModelApprovalStatus']} by now"}
        evaluation = self._evaluation(description)
        wanting = lacking(evaluation, description.get("ApprovalDescription"))
        if wanting is not None:
            raise Unsigned(f"{model} is not released: {wanting}")
        before = documents.read(self.dynamodb, self.releases, problem, documents.first_release(problem))
        recorded = before.body
        if recorded.get("approved_at", "") > approved_at:  # EventBridge promises no order
            return {"released": False, "reason": f"{recorded['model_name']} was approved later and is released"}
        release: dict[str, Any] = {
            "model_package_arn": package,
            "model_name": model,
            "model_data": f"s3://{self.lake}/{archive_key(problem, version)}",
            "endpoint_config": None,
            "policy": self._policy(problem, description, evaluation),
            "earlier_policy": None,
            "approved_at": approved_at,
        }
        if problem in SERVED:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=group)  # type: ignore[attr-defined]
            require_free(endpoint, model)
            release["endpoint_config"] = model
            release["earlier_policy"] = earlier_policy(recorded, endpoint["EndpointConfigName"])
        joins_none = problem in SERVED and self._serverless  # serverless models take neither isolation nor a network
        container = description["InferenceSpecification"]["Containers"][0]
        self._keep(container["ModelDataUrl"], archive_key(problem, version), description["CreationTime"])
        self._once(
            self.sagemaker.create_model,  # type: ignore[attr-defined]
            ModelName=model,
            ExecutionRoleArn=self.roles[problem],
            PrimaryContainer={
                **{name: container[name] for name in ("Image", "Environment") if container.get(name)},
                "ModelDataUrl": release["model_data"],
            },
            # It runs code from its archive: it reaches nothing but who asks it. In a network, SageMaker itself fetches
            # the archive through it; the container has none.
            EnableNetworkIsolation=not joins_none,
            **({"VpcConfig": self.network} if self.network and not joins_none else {}),
        )
        if problem in SERVED:
            self._once(
                self.sagemaker.create_endpoint_config,  # type: ignore[attr-defined]
                EndpointConfigName=model,
                **({} if self._serverless else {"KmsKeyId": self.key}),
                ProductionVariants=[{"VariantName": "champion", "ModelName": model, **self._runs_on()}],
            )
            # SageMaker refuses a change that is under way or done.
            if model not in (endpoint["EndpointConfigName"], pending(endpoint)):
                self.sagemaker.update_endpoint(EndpointName=group, EndpointConfigName=model)  # type: ignore[attr-defined]
        documents.write(
            self.dynamodb,
            self.releases,
            problem,
            release,
            before,
            model_name=model,
            model_data=release["model_data"],
        )
        return {"released": True, "model_name": model}

    @property
    def _serverless(self) -> bool:
        return self.serving.get("serverless_memory_mb") is not None

    def _runs_on(self) -> dict:
        """A variant's part that says what it runs on."""
        if self._serverless:
            return {"ServerlessConfig": {"MemorySizeInMB": self.serving["serverless_memory_mb"], "MaxConcurrency": 5}}
        return {"InitialInstanceCount": self.serving["instances"], "InstanceType": self.serving["instance_type"]}

    def _package(self, package: str) -> dict | None:
        """None of one that was deleted while its approval waited: those behind it shall not wait for nothing."""
        try:
            return self.sagemaker.describe_model_package(ModelPackageName=package)  # type: ignore[attr-defined]
        except Exception as failed:
            if "does not exist" not in str(failed):
                raise
            return None

    def _evaluation(self, description: dict) -> dict:
        location = urlparse(description["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])
        body = self.s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"]  # type: ignore[attr-defined]
        return json.loads(body.read())

    def _policy(self, problem: str, description: dict, evaluation: dict) -> dict | None:
        """The policy that the evaluation solved for this very model; kept, under the version that decisions bear."""
        policy = evaluation.get("policy")
        if not policy:
            return None
        solved = {**policy, "version": f"{description['ModelPackageVersion']}"}
        kept = documents.keep(self.s3, self.lake, problem, "thresholds", documents.canonical(solved))
        return {**solved, "version": documents.versioned(solved["version"], kept)}

    def _keep(self, archive: str, key: str, registered_at: datetime) -> None:
        """Copies the archive as it was registered, unless an earlier release has. Raises ArchiveChanged."""
        if self.s3.list_objects_v2(Bucket=self.lake, Prefix=key).get("Contents"):  # type: ignore[attr-defined]
            return
        place = urlparse(archive)
        source = {"Bucket": place.netloc, "Key": place.path.lstrip("/")}
        try:
            self.s3.copy_object(  # type: ignore[attr-defined]
                Bucket=self.lake, Key=key, CopySource=source, CopySourceIfUnmodifiedSince=registered_at
            )
        except Exception as failed:
            if "PreconditionFailed" not in str(failed):
                raise
            raise ArchiveChanged(f"{archive} was written after its package was registered, {registered_at}") from failed

    @staticmethod
    def _once(create, **arguments) -> None:
        """The queue delivers at least once: what exists already under this name is the same thing."""
        try:
            create(**arguments)
        except Exception as failed:
            if "already exist" not in str(failed).lower():
                raise


def archive_key(problem: str, version: str) -> str:
    """Where the lake keeps a released archive. Only this function's role writes there, as the bucket's policy says."""
    return f"released/{problem}/{version}/model.tar.gz"


def earlier_policy(recorded: dict, serving: str) -> dict | None:
    """Thresholds of the model that serves by the endpoint configuration `serving`."""
    if recorded["endpoint_config"] in (serving, None):  # none was released: the bootstrap model serves
        return {name: value for name, value in recorded["policy"].items() if name in THRESHOLDS}
    return recorded.get("earlier_policy")


def pending(endpoint: dict) -> str | None:
    """The configuration that an endpoint is changing over to."""
    return (endpoint.get("PendingDeploymentSummary") or {}).get("EndpointConfigName")


def require_free(endpoint: dict, model: str) -> None:
    """Raises EndpointBusy or EndpointBroken unless the endpoint can be told of this model, or was told already."""
    status, coming = endpoint["EndpointStatus"], pending(endpoint)
    if (status, coming) in (("InService", None), ("Updating", model)):
        return
    if status in BROKEN:
        raise EndpointBroken(f"{model} cannot be released: the endpoint is {status}")
    changing = f" and changes over to {coming}" if coming else ""
    raise EndpointBusy(f"{model} waits: the endpoint is {status}{changing}")
