"""`make image` and `make console-image`: build an image and push it to its repository of the environment, by Docker."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tools.terraform.environments import ROOT, Environment

NOTE = ROOT / "build" / "image"  # one file an environment: the image by its digest, for `make plan` and `make deploy`


@dataclass(frozen=True)
class Image:
    """The end of its repository's name, its Dockerfile, and all that it is made of: folders and files."""

    name: str
    file: str
    inputs: tuple[str, ...]


ML = Image("ml", "image/Dockerfile", ("image", "requirements/ml.txt"))
ROOMS = ("console", "features", "inference", "lambda", "lending", "tools", "training")  # whose code pages use
CONSOLE = Image("console", "console/Dockerfile", (*ROOMS, "requirements/ml.txt", "requirements/console.txt"))


class NoEngine(RuntimeError):
    """There is no Docker engine to build with; the text says what to do."""


def push(environment: Environment, image: Image = ML) -> str:
    """Builds and pushes what is not there. Returns `name:tag@sha256:...`. Raises NoEngine and CalledProcessError."""
    ecr: Any = boto3.client("ecr")
    repository, tag = f"{environment.prefix}-{image.name}", version(image)
    uri = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
    found = digest(ecr, repository, tag)
    if found is None:
        require_engine()
        enter(ecr)
        command = ["docker", "build", "--platform", "linux/amd64", "-f", image.file, "-t", f"{uri}:{tag}", "."]
        subprocess.run(command, cwd=ROOT, check=True)
        subprocess.run(["docker", "push", f"{uri}:{tag}"], cwd=ROOT, check=True)
        found = digest(ecr, repository, tag)
    pushed = f"{uri}:{tag}@{found}"
    if image is ML:
        NOTE.mkdir(parents=True, exist_ok=True)
        (NOTE / f"{environment.name}.txt").write_text(f"{pushed}\n")
    return pushed


def version(image: Image = ML) -> str:
    """The tag: what the image is made of, so that a new tag comes with, and only with, new content."""
    found = hashlib.sha256()
    for name in image.inputs:
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
