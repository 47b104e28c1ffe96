"""What a release does: a SageMaker model, for fraud a new endpoint configuration, and the release parameter.

The model's archive is a copy that the release makes where nobody else writes: whoever trained it may write over the one
that was registered, and chooses no code that serves by that.

The parameter keeps the thresholds of the model that serves until the endpoint has changed over, which takes minutes. It
holds those of two models, so a third waits: an endpoint that changes over to another model is told nothing, and nothing
is written. Any step may fail and be tried again: what is done already is left as it is. The parameter is written after
the endpoint has been told, for SageMaker may refuse.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlparse

BROKEN = ("Failed", "OutOfService", "UpdateRollbackFailed")  # of an endpoint; the other states pass
SERVED = ("fraud",)  # problems with an endpoint; the others score in batches
OPERATORS = ("rules", "explore_share", "rules_version")  # of a policy, once `make policy` has put them there
THRESHOLDS = ("version", "model", "review_at", "block_at")  # of a policy, solved for one model
LARGEST = 8192  # characters of a parameter; with more than half of it SSM makes it an advanced one, which costs
OWN = 2048  # of these, what a release itself brings: names, places, thresholds, costs


class TooLarge(ValueError):
    """A release does not fit into its parameter."""


class EndpointBusy(RuntimeError):
    """The endpoint changes over to another model. Nothing was written."""


class EndpointBroken(RuntimeError):
    """The endpoint takes no model and will not by itself. Nothing was written."""


class ArchiveChanged(RuntimeError):
    """The archive was written over after its package was registered. Nothing was released."""


@dataclass(frozen=True)
class Promotion:
    """Clients of SageMaker, S3 and SSM; names begin with `prefix`; `roles` has by problem what its models run as,
    `serving` what the endpoint runs on. Released archives are kept in the bucket `lake`.

    What a release brings is encrypted by `key`.
    """

    sagemaker: object
    s3: object
    ssm: object
    prefix: str
    roles: dict[str, str]
    serving: dict[str, Any]
    key: str
    lake: str

    def release(self, package: str, group: str, approved_at: str) -> dict:
        """Makes the package serve and records it. The endpoint keeps its old model until the new one is healthy.

        An approval may have waited for hours: it counts for nothing once it was withdrawn, or a later one is released.
        `approved_at` is the event's time. Raises ArchiveChanged, EndpointBusy, EndpointBroken and TooLarge.
        """
        problem = group.removeprefix(f"{self.prefix}-")
        version = package.rpartition("/")[2]
        model = f"{group}-v{version}"
        parameter = f"/{self.prefix}/{problem}/release"
        description = self._package(package)
        if description is None:
            return {"released": False, "reason": "the package is gone"}
        if description["ModelApprovalStatus"] != "Approved":
            return {"released": False, "reason": f"the package is {description['ModelApprovalStatus']} by now"}
        recorded = json.loads(self.ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"])  # type: ignore[attr-defined]
        if recorded.get("approved_at", "") > approved_at:  # EventBridge promises no order
            return {"released": False, "reason": f"{recorded['model_name']} was approved later and is released"}
        release: dict[str, Any] = {
            "model_package_arn": package,
            "model_name": model,
            "model_data": f"s3://{self.lake}/{archive_key(problem, version)}",
            "endpoint_config": None,
            "policy": self._policy(description),
            "earlier_policy": None,
            "approved_at": approved_at,
        }
        if release["policy"]:
            release["policy"] = with_operators(release["policy"], recorded["policy"])
        if problem in SERVED:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=group)  # type: ignore[attr-defined]
            require_free(endpoint, model)
            release["endpoint_config"] = model
            release["earlier_policy"] = earlier_policy(recorded, endpoint["EndpointConfigName"])
        container = description["InferenceSpecification"]["Containers"][0]
        self._keep(container["ModelDataUrl"], archive_key(problem, version), description["CreationTime"])
        written(release)  # before the endpoint changes over: a new model must not be judged by old thresholds
        self._once(
            self.sagemaker.create_model,  # type: ignore[attr-defined]
            ModelName=model,
            ExecutionRoleArn=self.roles[problem],
            PrimaryContainer={
                **{name: container[name] for name in ("Image", "Environment") if container.get(name)},
                "ModelDataUrl": release["model_data"],
            },
            # It runs code from its archive: it reaches nothing but who asks it. Serverless takes no such model.
            EnableNetworkIsolation=not (problem in SERVED and self._serverless),
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
        record(self.ssm, parameter, release, self.key)
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

    def _policy(self, description: dict) -> dict | None:
        """The policy that the evaluation solved for this very model."""
        location = urlparse(description["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])
        body = self.s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"]  # type: ignore[attr-defined]
        policy = json.loads(body.read()).get("policy")
        return {**policy, "version": f"{description['ModelPackageVersion']}"} if policy else None

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


def record(ssm: Any, parameter: str, release: dict, key: str) -> None:
    """Raises TooLarge."""
    ssm.put_parameter(
        Name=parameter,
        Value=written(release),
        Type="SecureString",
        KeyId=key,
        Overwrite=True,
        Tier="Intelligent-Tiering",
    )


def written(release: dict) -> str:
    """A release as its parameter holds it. Raises TooLarge."""
    text = json.dumps(release)
    if len(text) > LARGEST:
        raise TooLarge(f"the release takes {len(text)} characters, its parameter holds {LARGEST}: shorten the lists")
    return text


def with_operators(policy: dict, recorded: dict) -> dict:
    """A release brings thresholds; rules, lists and the sampled share stay the operator's."""
    theirs = {name: recorded[name] for name in OPERATORS if name in recorded} if "rules_version" in recorded else {}
    version = f"{policy['version']}+{theirs['rules_version']}" if theirs else policy["version"]
    return {**policy, **theirs, "version": version}


def earlier_policy(recorded: dict, serving: str) -> dict | None:
    """Thresholds of the model that serves by the endpoint configuration `serving`."""
    if recorded["endpoint_config"] == serving:
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
