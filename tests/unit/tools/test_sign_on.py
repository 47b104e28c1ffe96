"""The client's secret reaches the load balancer, and nothing else of the listener changes."""

from __future__ import annotations

import pytest

from tests.unit.lambda_functions.aws import valid
from tools import sign_on

LISTENER = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/risk-dev-console/1/2"
OIDC = {
    "Issuer": "https://login.bank.example",
    "AuthorizationEndpoint": "https://login.bank.example/authorize",
    "TokenEndpoint": "https://login.bank.example/token",
    "UserInfoEndpoint": "https://login.bank.example/userinfo",
    "ClientId": "console",
    "Scope": "openid",
    "OnUnauthenticatedRequest": "authenticate",
}
FORWARD = {"Type": "forward", "Order": 2, "TargetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1"}
ACTIONS = [FORWARD, {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": OIDC}]


class Elb:
    def __init__(self, actions: list[dict]) -> None:
        self.actions = actions

    def describe_listeners(self, **request) -> dict:
        valid("elbv2", "DescribeListeners", request)
        return {"Listeners": [{"ListenerArn": LISTENER, "DefaultActions": self.actions}]}

    def modify_listener(self, **request) -> None:
        valid("elbv2", "ModifyListener", request)
        self.actions = request["DefaultActions"]


def test_the_secret_is_given_and_everything_else_stays():
    elb = Elb(ACTIONS)
    sign_on.give(elb, LISTENER, "s3cret")

    assert elb.actions == [
        {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {**OIDC, "ClientSecret": "s3cret"}},
        FORWARD,
    ]


def test_a_listener_that_asks_nobody_to_sign_in_is_not_given_a_secret():
    with pytest.raises(SystemExit, match="does not ask people to sign in"):
        sign_on.give(Elb([FORWARD]), LISTENER, "s3cret")


def test_an_environment_without_a_console_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(sign_on, "deployed", lambda *_: {"console": None})
    with pytest.raises(SystemExit, match=r"has no console: name who signs people in, as people\.console"):
        sign_on.main("dev")
    with pytest.raises(SystemExit, match="expected ENV="):
        sign_on.main()


def test_the_secret_is_told_nowhere(monkeypatch, capsys):
    elb = Elb(ACTIONS)
    outputs = {"console": {"listener_arn": LISTENER, "url": "https://console.bank.example"}}
    monkeypatch.setattr(sign_on, "deployed", lambda *_: outputs)
    monkeypatch.setattr(sign_on.boto3, "client", lambda name: elb)
    monkeypatch.setenv(sign_on.GIVEN, "s3cret")
    sign_on.main("dev")

    assert "s3cret" not in "".join(capsys.readouterr())
    assert elb.actions[0]["AuthenticateOidcConfig"]["ClientSecret"] == "s3cret"
