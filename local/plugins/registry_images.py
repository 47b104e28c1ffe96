"""ECR finds the image that this machine stands in for.

Nothing here runs from images and nobody need push one. A repository of ours that is empty holds, under every tag, the
environment that jobs and endpoints run in: its digest is that of the locked requirements of the image. Once something
was pushed, a repository holds what was pushed. An image that is not there is an error, as in AWS.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

from local.plugins.sagemaker import IMAGE_LOCK
from local.settings import Settings

HOOKS = {
    "ministack.services.ecr._describe_images": "(data)",
    "ministack.services.ecr._images": None,
    "ministack.services.ecr._registry_id": "()",
    "ministack.services.ecr._repositories": None,
}

OURS = "-ml"


def install(settings: Settings) -> None:
    ecr._describe_images = _finding(ecr._describe_images)


def _finding(described: Any) -> Any:
    def describe(data: dict) -> Any:
        name, asked = data.get("repositoryName", ""), data.get("imageIds") or []
        if name in ecr._repositories and name.endswith(OURS) and not ecr._images.get(name):
            tags = [each["imageTag"] for each in asked if "imageTag" in each]
            return json_response({"imageDetails": [_environment(name, tag) for tag in tags]})
        answer = described(data)
        found = json.loads(answer[2]).get("imageDetails", []) if answer[0] == 200 else []
        if asked and answer[0] == 200 and len(found) < len(asked):
            return error_response_json(
                "ImageNotFoundException", f"The repository '{name}' has no image of some of these identifiers", 400
            )
        return answer

    return describe


def _environment(name: str, tag: str) -> dict:
    return {
        "registryId": ecr._registry_id(),
        "repositoryName": name,
        "imageDigest": f"sha256:{hashlib.sha256(IMAGE_LOCK.read_bytes()).hexdigest()}",
        "imageTags": [tag],
        "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
    }
