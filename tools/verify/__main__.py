"""Entry point. Ends with 1 when the log is not what was sealed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from seal.seals import DECISIONS, SEALS

from glue.requests import RECEIPTS
from tools.telling import Teller
from tools.terraform.environments import asked_for
from tools.verify.log import READ_AT_ONCE, Verdict, told, verify


def main(environment: str = "") -> int:
    if not environment:
        raise SystemExit("verify-log: expected ENV=<environment>")
    lake = asked_for("verify-log", environment).bucket("lake")
    try:
        with Teller(sys.stderr).watched("every object of the log is read"):
            verdict = verified(boto3.client("s3", config=Config(max_pool_connections=READ_AT_ONCE)), lake)
    except ClientError as refused:
        said = refused.response["Error"]
        raise SystemExit(
            f"verify-log: {refused.operation_name} of {lake} was refused: {said['Code']}: {said['Message']}; is the "
            "platform deployed?"
        ) from None
    print("\n".join(told(verdict)))
    return 1 if verdict.faults else 0


def verified(s3: Any, lake: str) -> Verdict:
    def keys(prefix: str) -> Iterator[str]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=lake, Prefix=prefix):
            yield from (item["Key"] for item in page.get("Contents", ()))

    def read(key: str) -> bytes:
        return s3.get_object(Bucket=lake, Key=key)["Body"].read()

    forgotten: dict[str, set[str | None]] = {}
    for key in keys(RECEIPTS):
        for run in json.loads(read(key))["runs"]:
            for decision, sha in run.get("decisions", {}).items():
                forgotten.setdefault(decision, set()).add(sha)
    return verify({key: read(key) for key in keys(SEALS)}, keys(DECISIONS), read, forgotten)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
