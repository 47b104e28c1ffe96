"""`make console-secret`: gives the console's load balancer the secret of its client at the provider.

Terraform knows no secret, so no plan and no state holds one. It makes the listener with a word in its place, and AWS
shows a listener's secret to nobody. After the settings of the sign-on have changed, it is given once more.
"""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tools.terraform.stacks import deployed

GIVEN = "CLIENT_SECRET"
SIGNS_IN = "authenticate-oidc"


def main(environment: str = "") -> None:
    if not environment:
        raise SystemExit(f"console-secret: expected ENV=<environment>, and the secret as {GIVEN} or typed when asked")
    try:
        console = deployed("console-secret", environment).get("console")
        if not console:
            raise SystemExit(
                f"console-secret: {environment} has no console: name who signs people in, as people.console in "
                "platform.tfvars.json (docs/console.md), and make deploy"
            )
        secret = os.environ.get(GIVEN) or getpass.getpass("The client's secret: ")
        if not secret.strip():
            raise SystemExit(f"console-secret: expected a secret as {GIVEN} or typed when asked, got none")
        give(boto3.client("elbv2"), console["listener_arn"], secret)
    except (BotoCoreError, ClientError) as refused:
        raise SystemExit(f"console-secret: AWS refused: {refused}") from None
    print(f"console-secret: {console['url']} signs people in with it from now on; it is kept nowhere else")


def give(elbv2: Any, listener: str, secret: str) -> None:
    """Leaves everything else of the listener as it is."""
    (found,) = elbv2.describe_listeners(ListenerArns=[listener])["Listeners"]
    actions = sorted(found["DefaultActions"], key=lambda action: action["Order"])
    if [action["Type"] for action in actions] != [SIGNS_IN, "forward"]:
        raise SystemExit("console-secret: the listener does not ask people to sign in: make verify, and make deploy")
    actions[0]["AuthenticateOidcConfig"] = {**actions[0]["AuthenticateOidcConfig"], "ClientSecret": secret}
    elbv2.modify_listener(ListenerArn=listener, DefaultActions=actions)


if __name__ == "__main__":
    main(*sys.argv[1:])
