"""`python -m tools.terraform VERB ENV`; verbs: bootstrap, plan, deploy, drift, destroy, outputs, check.

Credentials and the endpoint come from the process's environment, as for any AWS tool.
"""

from __future__ import annotations

import json
import sys

from botocore.exceptions import BotoCoreError, ClientError

from tools import feature_groups, features_in_use
from tools.terraform import deployment, stacks, teardown
from tools.terraform.environments import Environment, UnknownEnvironment
from tools.terraform.plans import CHANGES


def check() -> None:
    """Format and validity of the stacks; neither asks AWS anything."""
    stacks.run("platform", "check", "fmt", "-check", "-recursive", "..")
    for stack in stacks.STACKS:
        stacks.init(stack, "check", "-backend=false")
        stacks.run(stack, "check", "validate")


def main(verb: str, name: str = "local") -> int:
    if verb == "check":
        check()
        return 0
    environment = Environment.read(name)
    if verb == "bootstrap":
        deployment.confirm(environment, "deploy")
        deployment.bootstrap(environment)
    elif verb == "plan":
        deployment.plan(environment)
    elif verb == "drift":
        return CHANGES if deployment.plan(environment) else 0
    elif verb == "deploy":
        deployment.deploy(environment)
    elif verb == "destroy":
        deployment.require_account(environment)
        deployment.confirm(environment, "destroy")
        teardown.destroy(environment, deployment.say)
    elif verb == "outputs":
        print(json.dumps(stacks.outputs(name), indent=1))
    else:
        raise SystemExit(f"expected bootstrap, plan, deploy, drift, destroy, outputs or check, got {verb!r}")
    return 0


REFUSALS = (
    stacks.TerraformFailed,
    stacks.NotDeployed,
    UnknownEnvironment,
    deployment.NotConfirmed,
    deployment.NotPlanned,
    deployment.Refused,
    teardown.SomethingLeft,
    features_in_use.FeatureInUse,
    feature_groups.CannotFollow,
)

if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except REFUSALS as refused:
        print(f"tools.terraform: {refused}", file=sys.stderr)
        sys.exit(1)
    except (BotoCoreError, ClientError) as failed:
        print(
            f"tools.terraform: AWS refused: {failed}. Are credentials and region right? (aws sts get-caller-identity)",
            file=sys.stderr,
        )
        sys.exit(1)
