"""Terraform as the platform runs it: the same two stacks for every environment, local AWS included.

Run as `python -m tools.terraform VERB ENV`; verbs: bootstrap, plan, apply, destroy, outputs, check. Credentials
and the endpoint come from the environment, as for any AWS tool.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3

from tools import feature_groups, features_in_use, releases

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PACKAGE = BUILD / "package" / "package.tfvars.json"
STATE = Path(os.environ.get("BUILD_DIR", BUILD)).resolve() / "terraform"  # a demo and a test run keep apart
PROVIDER = "registry.terraform.io/hashicorp/aws"
MIRROR_ROOTS = ("/opt", "/usr/share", "/usr/local/share", "/var/lib", "/srv", str(Path.home() / ".terraform.d"))
DEPTH = 4  # folders below a root in which a mirror is looked for


class TerraformFailed(RuntimeError):
    """A Terraform command ended with an error; its output was shown."""


def environment(stack: str, name: str) -> dict[str, str]:
    """Terraform's environment: our data folder, no missing CLI configuration, no questions."""
    result = {**os.environ, "TF_DATA_DIR": str(STATE / name / stack), "TF_IN_AUTOMATION": "1"}
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


def run(stack: str, name: str, *arguments: str, capture: bool = False) -> str:
    """One Terraform command in a stack's folder. Raises TerraformFailed."""
    folder = ROOT / "terraform" / ("bootstrap" if stack == "bootstrap" else "")
    done = subprocess.run(
        ["terraform", f"-chdir={folder}", *arguments],
        env=environment(stack, name),
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )
    if done.returncode:
        raise TerraformFailed(f"terraform {arguments[0]} of the {stack} stack ended with {done.returncode}")
    return done.stdout or ""


def init(stack: str, name: str, *arguments: str) -> None:
    found = mirror()
    plugins = [f"-plugin-dir={found}"] if found else []
    run(stack, name, "init", "-input=false", "-reconfigure", "-lockfile=readonly", *plugins, *arguments, capture=True)


def bootstrap(name: str) -> dict[str, str]:
    """Applies the bootstrap stack and returns its outputs. Its state is a small file below the build folder."""
    state = STATE / name / "bootstrap.tfstate"
    state.parent.mkdir(parents=True, exist_ok=True)
    init("bootstrap", name)
    flags = [
        f"-state={state}",
        "-input=false",
        "-var",
        f"environment={name}",
        "-var",
        f"region={region()}",
        "-var",
        f"s3_use_path_style={path_style()}",
    ]
    run("bootstrap", name, "apply", "-auto-approve", "-compact-warnings", *flags, capture=True)
    shown = json.loads(run("bootstrap", name, "output", f"-state={state}", "-json", capture=True))
    return {key: output["value"] for key, output in shown.items()}


def region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-west-1"


def path_style() -> str:
    return "true" if os.environ.get("AWS_ENDPOINT_URL") else "false"


def variables(name: str) -> list[str]:
    return [
        "-input=false",
        f"-var=region={region()}",
        f"-var-file={ROOT / 'terraform' / 'environments' / f'{name}.tfvars'}",
        f"-var-file={PACKAGE}",
    ]


def init_root(name: str, state_bucket: str) -> None:
    init(
        "platform",
        name,
        f"-backend-config=bucket={state_bucket}",
        f"-backend-config=region={region()}",
        f"-backend-config=use_path_style={path_style()}",
    )


def outputs(name: str) -> dict:
    shown = json.loads(run("platform", name, "output", "-json", capture=True))
    return {key: output["value"] for key, output in shown.items()}


def check() -> None:
    """Format and validity of both stacks; neither asks AWS anything."""
    run("platform", "check", "fmt", "-check", "-recursive")
    for stack in ("bootstrap", "platform"):
        init(stack, "check", "-backend=false")
        run(stack, "check", "validate")


def require_deployable(name: str) -> None:
    """Raises FeatureInUse or CannotFollow, before anything is changed."""
    features_in_use.require_declared(f"risk-{name}")
    feature_groups.require_followable(f"risk-{name}", feature_groups.declared(PACKAGE))


def main(verb: str, name: str = "local") -> None:
    if verb == "bootstrap":
        made = bootstrap(name)
        init_root(name, made["state_bucket"])
        print(made["artifacts_bucket"])
    elif verb == "plan":
        require_deployable(name)
        run("platform", name, "plan", *variables(name))
    elif verb == "apply":
        require_deployable(name)
        run("platform", name, "apply", "-auto-approve", "-compact-warnings", *variables(name))
        # Only now: a feature cannot be taken back from a group, so none is added for an apply that fails.
        for group, added in feature_groups.follow(f"risk-{name}", feature_groups.declared(PACKAGE)).items():
            print(f"the feature group {group} has new features: {', '.join(added)}")
    elif verb == "destroy":
        account = boto3.client("sts").get_caller_identity()["Account"]
        init_root(name, f"risk-{name}-state-{account}")
        releases.delete_packages(f"risk-{name}")
        run("platform", name, "destroy", "-auto-approve", *variables(name))
        releases.delete_models(f"risk-{name}")
    elif verb == "check":
        check()
    elif verb == "outputs":
        print(json.dumps(outputs(name), indent=1))
    else:
        raise SystemExit(f"expected bootstrap, plan, apply, destroy or outputs, got {verb!r}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (TerraformFailed, features_in_use.FeatureInUse, feature_groups.CannotFollow) as failed:
        raise SystemExit(str(failed)) from None
