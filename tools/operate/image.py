"""`make image`: builds the image from its locked packages and pushes it to the environment's repository, by Docker."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3

from tools.terraform.environments import ROOT, Environment

INPUTS = ("image", "requirements/ml.txt")
NOTE = ROOT / "build" / "image"  # one file an environment: the image by its digest, for `make plan` and `make deploy`


class NoEngine(RuntimeError):
    """There is no Docker engine to build with; the text says what to do."""


def push(environment: Environment) -> str:
    """Builds and pushes what is not there. Returns `name:tag@sha256:...`. Raises NoEngine and CalledProcessError."""
    ecr: Any = boto3.client("ecr")
    repository, tag = f"{environment.prefix}-ml", version()
    uri = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
    found = digest(ecr, repository, tag)
    if found is None:
        require_engine()
        enter(ecr)
        command = ["docker", "build", "--platform", "linux/amd64", "-f", "image/Dockerfile", "-t", f"{uri}:{tag}", "."]
        subprocess.run(command, cwd=ROOT, check=True)
        subprocess.run(["docker", "push", f"{uri}:{tag}"], cwd=ROOT, check=True)
        found = digest(ecr, repository, tag)
    image = f"{uri}:{tag}@{found}"
    NOTE.mkdir(parents=True, exist_ok=True)
    (NOTE / f"{environment.name}.txt").write_text(f"{image}\n")
    return image


def version() -> str:
    """The tag: what the image is made of, so that a new tag comes with, and only with, new content."""
    found = hashlib.sha256()
    for name in INPUTS:
        place = ROOT / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.suffix != ".pyc":
                found.update(str(Path(path).relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def digest(ecr: Any, repository: str, tag: str) -> str | None:
    try:
        found = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
    except ecr.exceptions.ImageNotFoundException:
        return None
    return found[0]["imageDigest"] if found else None


def require_engine() -> None:
    if not shutil.which("docker"):
        raise NoEngine("building the image needs Docker, and there is none on the PATH: run make image where there is")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        raise NoEngine("building the image needs a Docker engine, and none answers `docker info`: start it")


def enter(ecr: Any) -> None:
    given = ecr.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    command = ["docker", "login", "--username", user, "--password-stdin", given["proxyEndpoint"]]
    subprocess.run(command, input=password, text=True, check=True)
