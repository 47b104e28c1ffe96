"""What a release does: a SageMaker model, for fraud a new endpoint configuration, and the release parameter.

The parameter keeps the thresholds of the model that serves until the endpoint has changed over, which takes minutes.
Any step may fail and be tried again: what is done already is left as it is. The parameter is written after the endpoint
has been told: SageMaker refuses a change while another one is under way, and a release that it refused would take the
thresholds of the model that is about to serve out of the parameter, which holds those of two.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlparse

SERVED = ("fraud",)  # problems with an endpoint; the others score in batches
OPERATORS = ("rules", "explore_share", "rules_version")  # of a policy, once `make policy` has put them there
THRESHOLDS = ("version", "model", "review_at", "block_at")  # of a policy, solved for one model
LARGEST = 8192  # characters of a parameter; with more than half of it SSM makes it an advanced one, which costs
OWN = 2048  # of these, what a release itself brings: names, places, thresholds, costs


class TooLarge(ValueError):
    """A release does not fit into its parameter."""


@dataclass(frozen=True)
class Promotion:
    """Clients of SageMaker, S3 and SSM; names begin with `prefix`."""

    sagemaker: object
    s3: object
    ssm: object
    prefix: str
    role: str
    instance_type: str

    def release(self, package: str, group: str) -> dict:
        """Makes the package serve and records it. The endpoint keeps its old model until the new one is healthy."""
        problem = group.removeprefix(f"{self.prefix}-")
        version = package.rpartition("/")[2]
        model = f"{group}-v{version}"
        parameter = f"/{self.prefix}/{problem}/release"
        self._once(
            self.sagemaker.create_model,  # type: ignore[attr-defined]
            ModelName=model,
            ExecutionRoleArn=self.role,
            PrimaryContainer={"ModelPackageName": package},
        )
        description = self.sagemaker.describe_model_package(ModelPackageName=package)  # type: ignore[attr-defined]
        release = {
            "model_package_arn": package,
            "model_name": model,
            "model_data": description["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
            "endpoint_config": None,
            "policy": self._policy(description),
            "earlier_policy": None,
        }
        recorded = json.loads(self.ssm.get_parameter(Name=parameter)["Parameter"]["Value"])  # type: ignore[attr-defined]
        if release["policy"]:
            release["policy"] = with_operators(release["policy"], recorded["policy"])
        if problem in SERVED:
            release["endpoint_config"] = model
            self._once(
                self.sagemaker.create_endpoint_config,  # type: ignore[attr-defined]
                EndpointConfigName=model,
                ProductionVariants=[
                    {
                        "VariantName": "champion",
                        "ModelName": model,
                        "InitialInstanceCount": 1,
                        "InstanceType": self.instance_type,
                    }
                ],
            )
            endpoint = self.sagemaker.describe_endpoint(EndpointName=group)  # type: ignore[attr-defined]
            release["earlier_policy"] = earlier_policy(recorded, endpoint["EndpointConfigName"])
            written(release)  # before the endpoint changes over: a new model must not be judged by old thresholds
            # SageMaker refuses a change that is under way or done.
            if model not in (endpoint["EndpointConfigName"], pending(endpoint)):
                self.sagemaker.update_endpoint(EndpointName=group, EndpointConfigName=model)  # type: ignore[attr-defined]
        record(self.ssm, parameter, release)
        return {"released": True, **release}

    def _policy(self, description: dict) -> dict | None:
        """The policy that the evaluation solved for this very model."""
        location = urlparse(description["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])
        body = self.s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"]  # type: ignore[attr-defined]
        policy = json.loads(body.read()).get("policy")
        return {**policy, "version": f"{description['ModelPackageVersion']}"} if policy else None

    @staticmethod
    def _once(create, **arguments) -> None:
        """EventBridge delivers at least once: what exists already under this name is the same thing."""
        try:
            create(**arguments)
        except Exception as failed:
            if "already exist" not in str(failed).lower():
                raise


def record(ssm: Any, parameter: str, release: dict) -> None:
    """Raises TooLarge."""
    ssm.put_parameter(Name=parameter, Value=written(release), Type="String", Overwrite=True, Tier="Intelligent-Tiering")


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
