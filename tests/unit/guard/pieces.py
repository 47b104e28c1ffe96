"""Small pieces of what `terraform show -json` makes of a plan."""

from __future__ import annotations

import json
from typing import Any

from tools.guard.plan import Plan

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1b2c"


def change(address: str, after: dict[str, Any] | None = None, *actions: str, **more: Any) -> dict[str, Any]:
    """One entry of `resource_changes`; `unknown` is what only the apply will tell."""
    *modules, kind, name = address.split("[")[0].split(".")
    index = address.partition("[")[2].removesuffix("]")
    entry = {
        "address": address,
        "module_address": ".".join(modules),
        "mode": more.pop("mode", "managed"),
        "type": kind,
        "name": name,
        "change": {
            "actions": list(actions or ("create",)),
            "after": after,
            "after_unknown": more.pop("unknown", {}),
            "replace_paths": more.pop("replace_paths", []),
        },
        **more,
    }
    return entry | ({"index": json.loads(index)} if index else {})


def plan(*changes: dict[str, Any], **more: Any) -> Plan:
    variables = {"environment": {"value": "dev"}, "prefix": {"value": "risk"}}
    return Plan(({"resource_changes": list(changes), "variables": variables, **more},))


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | list[str], resources: str | list[str], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def said(findings: Any) -> list[str]:
    return [str(finding) for finding in findings]
