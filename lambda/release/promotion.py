"""What makes a release: a SageMaker model, for fraud a new endpoint configuration, and the release's document.

The model's archive is a copy that the release makes where nobody else writes: whoever trained it may write over the one
that was registered, and chooses no code that serves by that.

The document keeps the thresholds of the model that serves until the endpoint has changed over, which takes minutes. It
holds those of two models, so a third waits: an endpoint that changes over to another model is told nothing, and nothing
is written. What was released before stays in it until the new model has all the traffic, see `release.watching`. Any
step may fail and be tried again: what is done already is left as it is. The document is written after the endpoint has
been told, for SageMaker may refuse, and only as the successor of what was read. Rules and lists are the operators', in
a document of their own that no release reads or writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlparse

from scoring import documents

from release.dossier import lacking, overridden
from release.guard import Guard

BROKEN = ("Failed", "OutOfService", "UpdateRollbackFailed")  # of an endpoint; the other states pass
SERVED = ("fraud",)  # problems whose endpoint decides payments; the others score in batches
ASKED = "-api"  # of a problem that scores in batches: its models where an endpoint answers for single ones, too
DECIDED = "predictions/credit_decisions/"  # what runs have decided on loans
VARIANT = "champion"  # always: scaling is by the variant's name
THRESHOLDS = ("version", "model", "review_at", "block_at")  # of a policy, solved for one model


class EndpointBusy(RuntimeError):
    """The endpoint changes over to another model. Nothing was written."""


class EndpointBroken(RuntimeError):
    """The endpoint takes no model and will not by itself. Nothing was written."""


class ArchiveChanged(RuntimeError):
    """The archive was written over after its package was registered. Nothing was released."""


class NothingBefore(RuntimeError):
    """No version from before this release is known that could be brought back. Nothing was written."""


class Unsigned(RuntimeError):
    """The version's dossier does not pass and nobody has given a reason. Nothing was written."""


@dataclass(frozen=True)
class Candidate:
    """A version that may be released, and the document that its own will follow."""

    problem: str
    version: str
    model: str
    description: dict
    evaluation: dict
    before: documents.Stored
    asked: bool = False  # whether a serverless endpoint answers for single ones, beside the batches

    @property
    def served(self) -> bool:
        return self.problem in SERVED

    @property
    def has_endpoint(self) -> bool:
        return self.served or self.asked

    @property
    def has_served(self) -> bool:
        """Whether it is brought back, rather than new."""
        return self.model in served_until_now(self.before.body)


@dataclass(frozen=True)
class Promotion:
    """Clients of SageMaker, S3 and DynamoDB; names begin with `prefix`; `roles` has by problem what its models run as,
    `serving` what the endpoint runs on, `network` the VpcConfig of models, or None. Released archives and thresholds
    are kept in the bucket `lake`, what is released in the table `releases`; `policies` has the one that decides loans.

    What a release brings is encrypted by `key`. `guard` says how long a canary serves, and which alarms undo it.
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
    policies: str
    guard: Guard

    def prepare(self, package: str, group: str, approved_at: str) -> dict:
        """Makes what would serve, and tells nobody of it. Returns whether it may, as `model`, and with what its scores
        are to be compared before it does: the newest two days of decisions and the thresholds that judge them, or the
        runs that have decided loans and the policy that does; or, in `compared`, why with nothing.

        Raises ArchiveChanged, EndpointBroken, EndpointBusy and Unsigned.
        """
        candidate = self._candidate(package, group, approved_at)
        if isinstance(candidate, str):
            return {"released": False, "reason": candidate}
        if candidate.has_endpoint:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=group)  # type: ignore[attr-defined]
            require_free(endpoint, candidate.model)
        self._make(candidate)
        shadow, compared = self._shadow(candidate)
        guarded = candidate.served and not candidate.has_served and not self._serverless
        found = {"released": True, "problem": candidate.problem, "model": candidate.model, "guarded": guarded}
        return {**found, "shadow": shadow, "compared": compared}

    def _shadow(self, candidate: Candidate) -> tuple[dict | None, dict | None]:
        """What is compared, or why nothing is. Neither for what has served before, for it is brought back in need; and
        where nothing was released, for the bootstrap model knows nothing that another could differ from."""
        body = candidate.before.body
        if candidate.has_served or body["model_name"] is None:
            return None, None
        of_what = self._of_payments(candidate, body) if candidate.served else self._of_loans(candidate, body)
        if isinstance(of_what, str):
            return None, {"rows": 0, "verdict": "too few", "why": of_what}
        return {
            "model_data": f"s3://{self.lake}/{archive_key(candidate.problem, candidate.version)}",
            "folder": f"monitoring/shadow/{candidate.problem}/{candidate.version}",
            "job": f"{candidate.model}-shadow",
            "overridden": overridden(candidate.description.get("ApprovalDescription")),
            **of_what,
        }, None

    def _of_payments(self, candidate: Candidate, live: dict) -> dict | str:
        days = self._newest_days()
        if not days:
            return "no payment was decided yet"
        solved, serving = candidate.evaluation["policy"], live["policy"]
        return {
            "day": days[-1],
            "day_before": days[0],
            "arguments": [
                "--live", str(serving["model"]),
                "--live-thresholds", f"{serving['review_at']}", f"{serving['block_at']}",
                "--thresholds", f"{solved['review_at']}", f"{solved['block_at']}",
            ],
        }  # fmt: skip

    def _of_loans(self, candidate: Candidate, live: dict) -> dict | str:
        policy = documents.read(self.dynamodb, self.policies, candidate.problem, {})
        if not policy.number:
            return f"no {candidate.problem} policy is published"
        if not self.s3.list_objects_v2(Bucket=self.lake, Prefix=DECIDED, MaxKeys=1).get("Contents"):  # type: ignore[attr-defined]
            return "no run has decided on loans yet"
        sha256 = documents.digest(documents.canonical(policy.body))
        return {"policy": sha256, "live_data": live["model_data"], "arguments": ["--policy", sha256]}

    def _newest_days(self) -> list[str]:
        """Two that have decisions in the log, the newest last, or as many as there are: just after midnight the newest
        has too few to tell anything."""
        begins, days = "decisions/decision_date=", []
        token: dict[str, str] = {}
        while True:
            page = self.s3.list_objects_v2(Bucket=self.lake, Prefix=begins, Delimiter="/", **token)  # type: ignore[attr-defined]
            days += [found["Prefix"].removeprefix(begins).rstrip("/") for found in page.get("CommonPrefixes", ())]
            if not page.get("IsTruncated"):
                return sorted(days)[-2:]
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def told(self, package: str, group: str) -> bool:
        """Whether the endpoint changes over to this version or has, as where a release is tried again."""
        endpoint = self.sagemaker.describe_endpoint(EndpointName=group)  # type: ignore[attr-defined]
        return model_name(package, group) in (endpoint["EndpointConfigName"], pending(endpoint))

    def release(self, package: str, group: str, approved_at: str, ringing: frozenset[str] = frozenset()) -> dict:
        """Makes the package serve and records it. The endpoint keeps its old model until the new one is healthy.

        An approval may have waited for hours: it counts for nothing once it was withdrawn, or a later one is released.
        `approved_at` is the event's time; alarms of `ringing` undo nothing. Raises ArchiveChanged, Conflict,
        EndpointBusy, EndpointBroken and Unsigned.
        """
        candidate = self._candidate(package, group, approved_at)
        if isinstance(candidate, str):
            return {"released": False, "reason": candidate}
        problem, version, model, before = candidate.problem, candidate.version, candidate.model, candidate.before
        release: dict[str, Any] = {
            "model_package_arn": package,
            "model_name": model,
            "model_data": f"s3://{self.lake}/{archive_key(problem, version)}",
            "endpoint_config": None,
            "policy": self._policy(problem, candidate.description, candidate.evaluation),
            "earlier_policy": None,
            "trained_with": parameters_of(candidate.evaluation),
            "approved_at": approved_at,
            "promoted": False,
            "served": served_until_now(before.body),
            "before": {name: value for name, value in before.body.items() if name != "before"},
        }
        if before.body["model_name"] == model and not before.body.get("promoted", True):
            release["before"] = before.body["before"]  # tried again
        if candidate.has_endpoint:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=group)  # type: ignore[attr-defined]
            require_free(endpoint, model)
            release["endpoint_config"] = model
        if candidate.served:
            release["earlier_policy"] = earlier_policy(before.body, endpoint["EndpointConfigName"])
        self._make(candidate)
        # SageMaker refuses a change that is under way or done.
        if candidate.has_endpoint and model not in (endpoint["EndpointConfigName"], pending(endpoint)):
            self.sagemaker.update_endpoint(  # type: ignore[attr-defined]
                EndpointName=group, EndpointConfigName=model, **self._update(candidate, ringing)
            )
        documents.write(
            self.dynamodb,
            self.releases,
            problem,
            release,
            before,
            **read_by_machines(release),
        )
        return {"released": True, "model_name": model}

    def bring_back(self, problem: str, model: str, why: str, seen: dict, compared: dict | None) -> dict:
        """What served before this model serves again, for it has all the traffic and answers badly.

        At once and whatever rings, as what has served always comes back. Raises Conflict, EndpointBroken, EndpointBusy
        and NothingBefore.
        """
        stored = documents.read(self.dynamodb, self.releases, problem, documents.first_release(problem))
        changing = {"state": "changing", "seen": seen}
        if stored.body["model_name"] != model:
            return changing  # done before
        before = stored.body.get("before")  # kept until a release is promoted
        if before is None:
            raise NothingBefore(f"{why}; it has answered well and was promoted before: make rollback")
        config = before["endpoint_config"]
        if config is None:
            raise NothingBefore(f"{why}; nothing was released before it: approve another version")
        group = f"{self.prefix}-{problem}"
        endpoint = self.sagemaker.describe_endpoint(EndpointName=group)  # type: ignore[attr-defined]
        require_free(endpoint, config)
        if config not in (endpoint["EndpointConfigName"], pending(endpoint)):
            self.sagemaker.update_endpoint(  # type: ignore[attr-defined]
                EndpointName=group, EndpointConfigName=config, **self._size_kept(problem)
            )
        body = as_before(stored.body, why, seen, compared)
        if problem in SERVED:  # until it has changed over, the answers are of the model that goes
            body["earlier_policy"] = {name: stored.body["policy"].get(name) for name in THRESHOLDS}
        documents.write(self.dynamodb, self.releases, problem, body, stored, **read_by_machines(body))
        return changing

    def _candidate(self, package: str, group: str, approved_at: str) -> Candidate | str:
        """What may be released, or why nothing is. Raises Unsigned."""
        problem = group.removeprefix(f"{self.prefix}-")
        version = package.rpartition("/")[2]
        model = model_name(package, group)
        description = self._package(package)
        if description is None:
            return "the package is gone"
        if description["ModelApprovalStatus"] != "Approved":
            return f"the package is {description['ModelApprovalStatus']} by now"
        evaluation = self._evaluation(description)
        wanting = lacking(evaluation, description.get("ApprovalDescription"))
        if wanting is not None:
            raise Unsigned(f"{model} is not released: {wanting}")
        before = documents.read(self.dynamodb, self.releases, problem, documents.first_release(problem))
        if before.body.get("approved_at", "") > approved_at:  # EventBridge promises no order
            return f"{before.body['model_name']} was approved later and is released"
        return Candidate(problem, version, model, description, evaluation, before, f"{problem}{ASKED}" in self.roles)

    def _make(self, candidate: Candidate) -> None:
        """The archive's copy, the model, the endpoint configuration, unless they are there. Raises ArchiveChanged."""
        problem, key = candidate.problem, archive_key(candidate.problem, candidate.version)
        joins_none = candidate.served and self._serverless  # serverless models take neither isolation nor a network
        container = candidate.description["InferenceSpecification"]["Containers"][0]
        self._keep(container["ModelDataUrl"], key, candidate.description["CreationTime"])
        runs = {
            **{name: container[name] for name in ("Image", "Environment") if container.get(name)},
            "ModelDataUrl": f"s3://{self.lake}/{key}",
        }
        self._once(
            self.sagemaker.create_model,  # type: ignore[attr-defined]
            ModelName=candidate.model,
            ExecutionRoleArn=self.roles[problem],
            PrimaryContainer=runs,
            # It runs code from its archive: it reaches nothing but who asks it. In a network, SageMaker itself fetches
            # the archive through it; the container has none.
            EnableNetworkIsolation=not joins_none,
            **({"VpcConfig": self.network} if self.network and not joins_none else {}),
        )
        if candidate.asked:  # the same archive once more, as a serverless endpoint takes it, and as a role of its own
            self._once(
                self.sagemaker.create_model,  # type: ignore[attr-defined]
                ModelName=f"{candidate.model}{ASKED}",
                ExecutionRoleArn=self.roles[f"{problem}{ASKED}"],
                PrimaryContainer=runs,
                EnableNetworkIsolation=False,
            )
        if candidate.has_endpoint:
            variant = self._asked() if candidate.asked else self._runs_on()
            name = f"{candidate.model}{ASKED}" if candidate.asked else candidate.model
            self._once(
                self.sagemaker.create_endpoint_config,  # type: ignore[attr-defined]
                EndpointConfigName=candidate.model,
                **({} if candidate.asked or self._serverless else {"KmsKeyId": self.key}),
                ProductionVariants=[{"VariantName": VARIANT, "ModelName": name, **variant}],
            )

    def _update(self, candidate: Candidate, ringing: frozenset[str]) -> dict:
        """How the endpoint changes over. A serverless one has no fleet whose part could serve, or whose size is kept.

        What has served before comes back at once and whatever rings: alarms of the bad model would undo the good one.
        """
        kept = self._size_kept(candidate.problem)
        if not kept or candidate.has_served:
            return kept
        return {**kept, "DeploymentConfig": self.guard.deployment(self.serving, ringing)}

    def _size_kept(self, problem: str) -> dict:
        """As many instances as the endpoint has scaled to; nothing of a serverless one."""
        return {"RetainAllVariantProperties": True} if problem in SERVED and not self._serverless else {}

    @property
    def _serverless(self) -> bool:
        return self.serving.get("serverless_memory_mb") is not None

    def _runs_on(self) -> dict:
        """A variant's part that says what it runs on."""
        if self._serverless:
            return serverless(self.serving["serverless_memory_mb"])
        return {"InitialInstanceCount": self.serving["instances"], "InstanceType": self.serving["instance_type"]}

    def _asked(self) -> dict:
        """The same of an endpoint that single ones ask now and then."""
        return serverless(self.serving["asked_memory_mb"])

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


def serverless(memory_mb: int) -> dict:
    return {"ServerlessConfig": {"MemorySizeInMB": memory_mb, "MaxConcurrency": 5}}


def model_name(package: str, group: str) -> str:
    """Of a version: `...:model-package/risk-dev-fraud/3` -> `risk-dev-fraud-v3`."""
    return f"{group}-v{package.rpartition('/')[2]}"


def archive_key(problem: str, version: str) -> str:
    """Where the lake keeps a released archive. Only this function's role writes there, as the bucket's policy says."""
    return f"released/{problem}/{version}/model.tar.gz"


def served_until_now(body: dict) -> list[str]:
    """Models that have had all of the traffic. What was released before this was recorded, had."""
    name = body["model_name"]
    known = body.get("served", [])
    return [*known, name] if name and body.get("promoted", True) and name not in known else known


def as_before(body: dict, why: str, seen: dict, compared: dict | None) -> dict:
    """What was released before this release, and in `undone` what became of this one."""
    about = {name: body[name] for name in ("model_package_arn", "model_name", "approved_at")}
    return {**body["before"], "undone": {**about, "why": why, "shadow": compared, "canary": seen}}


def earlier_policy(recorded: dict, serving: str) -> dict | None:
    """Thresholds of the model that serves by the endpoint configuration `serving`."""
    if recorded["endpoint_config"] in (serving, None):  # none was released: the bootstrap model serves
        return {name: value for name, value in recorded["policy"].items() if name in THRESHOLDS}
    return recorded.get("earlier_policy")


def pending(endpoint: dict) -> str | None:
    """The configuration that an endpoint is changing over to."""
    return (endpoint.get("PendingDeploymentSummary") or {}).get("EndpointConfigName")


def parameters_of(evaluation: dict) -> str | None:
    """What the training was told besides its moment, as further members of a list of pipeline parameters, in JSON: a
    state machine puts them behind its own. None of a version whose evaluation does not say."""
    told = evaluation.get("trained_with")
    if not told:
        return None
    return "".join(f",{json.dumps({'Name': name, 'Value': value})}" for name, value in sorted(told.items()))


def read_by_machines(body: dict) -> dict[str, str | None]:
    """Parts of a release that stand beside its body, where a state machine can read them: of the one before until this
    is promoted, so no batch is scored by a model that may be undone."""
    stands = body if body.get("promoted", True) else body["before"]
    return {name: stands.get(name) for name in ("model_name", "model_data", "trained_with")}


def require_free(endpoint: dict, model: str) -> None:
    """Raises EndpointBusy or EndpointBroken unless the endpoint can be told of this model, or was told already."""
    status, coming = endpoint["EndpointStatus"], pending(endpoint)
    if (status, coming) in (("InService", None), ("Updating", model)):
        return
    if status in BROKEN:
        raise EndpointBroken(f"{model} cannot be released: the endpoint is {status}")
    changing = f" and changes over to {coming}" if coming else ""
    raise EndpointBusy(f"{model} waits: the endpoint is {status}{changing}")
