"""The console's pages, each to its end, asked with the rights of the container's role and with nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import streamlit as st
from streamlit.testing.v1 import AppTest

from console.source import OUTPUTS
from tools.operate.platform import Platform

ROLE = "console-pages"
WAIT_S = 180
RINGS = "alarms ring. Each has a runbook"  # what a page tells that it could read
# The screen, what its address asks for, what is switched or pressed.
Page = tuple[str, Mapping[str, str], tuple[str, ...]]
# What is asked only of decisions by the model that came with the code.
OF_CODES_MODELS = {"ReadCodesModels", "FindCodesModels", "DecryptCodesModels"}


def pages(platform: Platform) -> list[Page]:
    """Every page that the console's own role reads, about a decision, a customer and a loan that are there. Cases are
    asked for in the role of who is signed in."""
    decided = platform.query(
        "decisions",
        "SELECT transaction_id, customer_id, decision_date FROM decisions WHERE model <> '' AND vector IS NOT NULL "
        "AND NOT overtaken ORDER BY decision_date, transaction_id",
    )
    # Not every payment that was decided has been taken in by a night, and a daily run's loans are not explained.
    known = {row["transaction_id"] for row in platform.query("silver", "SELECT transaction_id FROM transactions")}
    paid = next(row for row in decided if row["transaction_id"] in known)
    (loan,) = platform.query(
        "predictions",
        "SELECT loan_id, max(started_at) AS last FROM credit_decisions GROUP BY loan_id "
        "HAVING max_by(length(period), started_at) = 7 ORDER BY last DESC, loan_id LIMIT 1",
    )
    decision = {"transaction": paid["transaction_id"], "day": paid["decision_date"]}
    customer = {"customer": paid["customer_id"]}
    return [
        ("decision", decision, ("Explain this one, and try other values", "Compute it again")),
        ("customer", customer, ()),
        ("network", customer, ()),
        ("lists", {"value": paid["customer_id"]}, ()),
        ("policy", {}, ()),
        ("credit", {"loan": loan["loan_id"]}, ("Explain this loan, and try other values",)),
        ("models", {}, ("fraud", "credit")),
        ("standing", {}, ()),
    ]


@contextmanager
def reading(platform: Platform, without: str = "") -> Iterator[str]:
    """While it lasts, this process calls as a role that may what Terraform has planned for the console's container, but
    for the statement that it lacks, and nothing else; its ARN."""
    iam, name = boto3.client("iam"), f"{platform.prefix}-{ROLE}{without and f'-without-{without}'}"
    held = [statement for statement in statements(platform) if statement["Sid"] != without]
    account = boto3.client("sts").get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy([trust]))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="permissions", PolicyDocument=policy(held))
    keys = boto3.client("sts").assume_role(RoleArn=arn, RoleSessionName="console")["Credentials"]
    before = dict(os.environ)
    os.environ |= {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
        OUTPUTS: json.dumps(platform.outputs),
    }
    was, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, None
    forgotten()
    try:
        yield arn
    finally:
        os.environ.clear()
        os.environ |= before
        boto3.DEFAULT_SESSION = was
        forgotten()
        iam.delete_role_policy(RoleName=name, PolicyName="permissions")
        iam.delete_role(RoleName=name)


def forgotten() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def policy(said: list[dict]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": said})


def statements(platform: Platform) -> list[dict[str, Any]]:
    """As `terraform/modules/role` writes them."""
    return [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Action": told["actions"],
            "Resource": told["resources"],
            **({"Condition": {"StringLike": told["only_if"]}} if told.get("only_if") else {}),
        }
        for sid, told in platform.outputs["console_reads"].items()
    ]


def told(page: Page) -> str:
    """What went wrong on the page, in its own words, with everything switched on that it has; nothing where all is
    well."""
    name, asked, pressed = page
    shown = AppTest.from_string(f"from console.screens import {name}\n{name}.show()", default_timeout=WAIT_S)
    for key, value in asked.items():
        shown.query_params[key] = value
    shown.run()
    for label in pressed:
        toggles = [one for one in shown.toggle if one.label == label]
        buttons = [one for one in shown.button if one.label == label]
        choices = [one for one in shown.radio if label in one.options]
        if not (toggles or buttons or choices):
            return f"{name}: nothing on it is called {label}: {words(shown)}"
        for toggle in toggles:
            shown = toggle.set_value(True).run()
        for button in buttons:
            shown = button.click().run()
        for choice in choices:
            shown = choice.set_value(label).run()
    warned = () if name == "network" else shown.warning  # a set may name no device
    failed = [one for one in shown.error if RINGS not in one.value]
    said = [one.value for one in (*failed, *shown.exception, *warned)]
    return f"{name}: {said}" if said else ""


def unused(platform: Platform, arn: str, found: Mapping[str, Any]) -> set[str]:
    """Statements of the role of which no call has needed an action; `found` is what the local AWS has recorded."""
    never = {(one["action"], one["resource"]) for one in found["unused"] if one["role"] == arn}
    return {
        statement["Sid"]
        for statement in statements(platform)
        if all((action, of) in never for action in statement["Action"] for of in statement["Resource"])
    }


def words(page: AppTest) -> str:
    return "; ".join(e.value for part in (page.info, page.warning, page.error, page.caption) for e in part)[:400]
