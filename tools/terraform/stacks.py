"""The three stacks, in the order in which they are built, and Terraform run in one of them.

Credentials and the endpoint come from the process's environment, as for any AWS tool. State lies in the environment's
state bucket and nowhere else: another machine finds the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3

from tools.terraform.environments import ROOT, Environment, asked_for

STACKS = ("bootstrap", "data", "platform")
BUILD = ROOT / "build"
PACKAGE = BUILD / "package"
STATE = Path(os.environ.get("BUILD_DIR", BUILD)).resolve() / "terraform"  # a demo and a test run keep apart
PROVIDER = "registry.terraform.io/hashicorp/aws"
MIRROR_ROOTS = ("/opt", "/usr/share", "/usr/local/share", "/var/lib", "/srv", str(Path.home() / ".terraform.d"))
DEPTH = 4  # folders below a root in which a mirror is looked for

SIDE_BY_SIDE = 30  # resources: with Terraform's ten, those that AWS takes long over keep the others waiting


class TerraformFailed(RuntimeError):
    """A Terraform command ended with an error; its output was shown."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class NotDeployed(RuntimeError):
    """The environment, or a stack of it, is not there; the text names the command that makes it."""


def folder(stack: str) -> Path:
    return ROOT / "terraform" / stack


def process_environment(stack: str, name: str) -> dict[str, str]:
    """Terraform's environment: our data folder, no missing CLI configuration, no questions."""
    result = {**os.environ, "TF_DATA_DIR": str(STATE / name / stack), "TF_IN_AUTOMATION": "1"}
    if not sys.stdout.isatty():
        result["TF_CLI_ARGS"] = f"{os.environ.get('TF_CLI_ARGS', '')} -no-color".strip()
    if not Path(result.get("TF_CLI_CONFIG_FILE", "/")).is_file():
        result.pop("TF_CLI_CONFIG_FILE", None)  # it names a file that is not there: Terraform would warn at every call
    return result


def mirror() -> str | None:
    """A local plugin mirror that holds the provider, none when Terraform shall use the registry."""
    for root in MIRROR_ROOTS:
        for depth in range(DEPTH):
            for found in Path(root).glob("*/" * depth + PROVIDER):
                return str(found.parents[2])
    return None


def run(
    stack: str, name: str, *arguments: str, capture: bool = False, at: Path | None = None, fine: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[str]:
    """One Terraform command in a stack's folder, or in a copy of it. Raises TerraformFailed."""
    done = subprocess.run(
        ["terraform", f"-chdir={at or folder(stack)}", *arguments],
        env=process_environment(stack, name),
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )
    if done.returncode not in fine:
        raise TerraformFailed(f"terraform {arguments[0]} of the {stack} stack ended with {done.returncode}")
    return done


def init(stack: str, name: str, *arguments: str, at: Path | None = None) -> None:
    found = mirror()
    plugins = [f"-plugin-dir={found}"] if found else []
    run(
        stack, name, "init", "-input=false", "-reconfigure", "-lockfile=readonly", *plugins, *arguments,
        capture=True, at=at,
    )  # fmt: skip


def init_with_state(stack: str, environment: Environment, at: Path | None = None) -> None:
    """Raises NotDeployed where there is no state bucket."""
    require_state_bucket(environment)
    init(
        stack,
        environment.name,
        f"-backend-config=bucket={environment.bucket('state')}",
        f"-backend-config=region={region()}",
        f"-backend-config=use_path_style={path_style()}",
        at=at,
    )


def region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-west-1"


def path_style() -> str:
    return "true" if os.environ.get("AWS_ENDPOINT_URL") else "false"


def variables(stack: str, environment: Environment) -> list[str]:
    """What the stack is told: the environment's files, the lists of what `make package` made, and the image that IMAGE
    names by its digest; without one, the environment's tag is meant."""
    files = [environment.folder / "environment.tfvars.json", environment.folder / f"{stack}.tfvars.json"]
    if stack != "bootstrap":
        files.append(PACKAGE / f"{stack}.tfvars.json")
    image = [f"-var=image={os.environ['IMAGE']}"] if stack == "platform" and os.environ.get("IMAGE") else []
    return ["-input=false", f"-var=region={region()}", *image, *(f"-var-file={file}" for file in files)]


def has_state_bucket(environment: Environment) -> bool:
    s3: Any = boto3.client("s3")
    try:
        s3.head_bucket(Bucket=environment.bucket("state"))
    except s3.exceptions.ClientError as missing:
        if missing.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        raise
    return True


def require_state_bucket(environment: Environment) -> None:
    if not has_state_bucket(environment):
        raise NotDeployed(
            f"there is no state bucket {environment.bucket('state')}: `make bootstrap ENV={environment.name}` makes it,"
            " once per account and environment"
        )


def state(stack: str, environment: Environment) -> dict | None:
    """A stack's state as Terraform keeps it; none when the stack was never applied. Raises NotDeployed."""
    require_state_bucket(environment)
    s3: Any = boto3.client("s3")
    try:
        body = s3.get_object(Bucket=environment.bucket("state"), Key=f"{stack}.tfstate")["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return json.loads(body)


def outputs(name: str, stack: str = "platform") -> dict[str, Any]:
    """A stack's outputs, from its state. Raises NotDeployed."""
    found = state(stack, Environment.read(name))
    if not found or not found["outputs"]:
        raise NotDeployed(f"the {stack} stack of {name} is not there: `make deploy ENV={name}` builds it")
    return {key: output["value"] for key, output in found["outputs"].items()}


def deployed(command: str, name: str) -> dict[str, Any]:
    """The platform's outputs, for a command. Ends the program when the platform is not there."""
    asked_for(command, name)
    try:
        return outputs(name)
    except NotDeployed as missing:
        raise SystemExit(f"{command}: {missing}") from None


def resources(name: str) -> int:
    """How many resources the three stacks hold."""
    environment = Environment.read(name)
    states = [state(stack, environment) or {"resources": []} for stack in STACKS]
    return sum(len(r["instances"]) for each in states for r in each["resources"] if r["mode"] == "managed")
