"""SageMaker: our own server (local/sagemaker) in MiniStack's process and on its port, and what it asks there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import responses, router
from ministack.services import ecr, eventbridge, iam, kms

from local import sagemaker
from local.permissions import recorder, roles
from local.plugins import role_trust
from local.settings import Settings

HOOKS = {
    "ministack.app.SERVICE_HANDLERS": None,
    "ministack.core.router.SERVICE_PATTERNS": None,
    "ministack.core.responses.request_scope": None,
    "ministack.services.ecr._find_image": "(repo_name, image_id)",
    "ministack.services.ecr._images": None,
    "ministack.services.eventbridge._put_events": "(data, allow_aws_source=False)",
    "ministack.services.iam._roles": None,
    "ministack.services.kms._resolve_key": "(key_id_or_arn)",
}

IMAGE_LOCK = Path(__file__).resolve().parents[2] / "requirements" / "ml.txt"
PULLING = ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")
_OURS = re.compile(r"^(?P<account>\d{12})\.dkr\.ecr\.[\w-]+\.amazonaws\.com/(?P<name>[^:@]+)(:(?P<tag>[^@]+))?$")

_installed: sagemaker.SageMaker | None = None


def install(settings: Settings) -> None:
    """Answer everything that is signed for `sagemaker`: control plane, runtime, Feature Store runtime, metrics."""
    global _installed

    def deliver(entry: dict[str, Any]) -> None:
        with responses.request_scope(settings.account, settings.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    def trusts(role: str) -> bool:
        with responses.request_scope(settings.account, settings.region):
            found = iam._roles.get(role.rpartition("/")[2])
        return found is None or role_trust.trusted_by(found, "sagemaker.amazonaws.com")

    def has_image(image: str) -> bool:
        """No for an image that a repository lacks which has others.

        Nothing runs from images here and nobody need push one: an empty repository, or none, says nothing.
        """
        with responses.request_scope(settings.account, settings.region):
            named = _OURS.match(image)
            if not named or named["account"] != settings.account or not ecr._images.get(named["name"]):
                return True
            return ecr._find_image(named["name"], {"imageTag": named["tag"] or "latest"}) is not None

    def asks(role: str, operation: str, request: Mapping[str, Any]) -> None:
        with responses.request_scope(settings.account, settings.region):
            recorder.asks_by_request("sagemaker", operation, request, role=role)

    def pulls(role: str, image: str) -> None:
        """Of a registry of this account; AWS's own images lie in AWS's."""
        named = _OURS.match(image)
        if not named or named["account"] != settings.account:
            return
        with responses.request_scope(settings.account, settings.region):
            recorder.asks("ecr:GetAuthorizationToken", "*", role=role)
            repository = f"arn:aws:ecr:{settings.region}:{settings.account}:repository/{named['name']}"
            for action in PULLING:
                recorder.asks(f"ecr:{action}", repository, role=role)

    def encrypts(role: str, action: str, key: str) -> None:
        """With a key of this account, named as the API takes it: by identifier, alias or ARN."""
        with responses.request_scope(settings.account, settings.region):
            if found := kms._resolve_key(key):
                via = ("kms:ViaService", f"sagemaker.{settings.region}.amazonaws.com")
                recorder.asks(action, found["Arn"], via, role=role)

    def measures(role: str, namespace: str) -> None:
        with responses.request_scope(settings.account, settings.region):
            recorder.lets("cloudwatch:PutMetricData", "*", ("cloudwatch:namespace", namespace), role=role)

    _installed = sagemaker.SageMaker(
        sagemaker.Settings(
            settings.endpoint_url, settings.region, settings.account, settings.state_dir, image_lock=IMAGE_LOCK
        ),
        sagemaker.Surroundings(
            deliver,
            trusts,
            has_image,
            lambda role: roles.credentials(role, "SageMaker"),
            asks,
            pulls,
            encrypts,
            measures,
        ),
    )
    router.SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": ["SageMaker."], "credential_scope": "sagemaker"}
    app.SERVICE_HANDLERS["sagemaker"] = _installed.handle_request


def close() -> None:
    """End what the installed server runs; without one, nothing."""
    global _installed
    if _installed is not None:
        _installed.close()
        _installed = None
