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
from tools.verify.log import READ_AT_ONCE, Fault, Verdict, told, verify


def main(environment: str = "") -> int:
    if not environment:
        raise SystemExit("verify-log: expected ENV=<environment>")
    here = asked_for("verify-log", environment)
    lake = here.bucket("lake")
    try:
        with Teller(sys.stderr).watched("every object of the log is read"):
            s3 = boto3.client("s3", config=Config(max_pool_connections=READ_AT_ONCE))
            verdict = verified(s3, lake)
            wanted = here.file("data.tfvars.json").get("witness") is not None
            witnessed(s3, here.bucket("witness"), lake, verdict, wanted)
    except ClientError as refused:
        said = refused.response["Error"]
        raise SystemExit(
            f"verify-log: {refused.operation_name} of {lake} was refused: {said['Code']}: {said['Message']}; is the "
            "platform deployed?"
        ) from None
    print("\n".join(told(verdict)))
    return 1 if verdict.faults else 0


def witnessed(s3: Any, witness: str, lake: str, verdict: Verdict, wanted: bool = True) -> None:
    """Every seal of the witness, each version of it, must be the lake's, and every seal of the lake since the first
    that was witnessed must have a copy: adds faults to the verdict. `wanted` says that the environment has a witness.
    """
    try:
        versions = [
            (item["Key"], item["VersionId"])
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=witness, Prefix=SEALS)
            for item in page.get("Versions", ())
        ]
    except ClientError as refused:
        if refused.response["Error"]["Code"] != "NoSuchBucket":
            raise
        if wanted:
            verdict.faults.append(Fault("witness", witness, "the environment has a witness, and its bucket is gone"))
        return
    for key, version in versions:
        copy = s3.get_object(Bucket=witness, Key=key, VersionId=version)["Body"].read()
        there = s3.list_objects_v2(Bucket=lake, Prefix=key, MaxKeys=1).get("Contents")
        if not there or there[0]["Key"] != key:
            verdict.faults.append(Fault("witness", key, "it was sealed and witnessed, and is gone"))
        elif s3.get_object(Bucket=lake, Key=key)["Body"].read() != copy:
            verdict.faults.append(Fault("witness", key, "it is not the seal that was witnessed"))
    copied = {key for key, _ in versions}
    verdict.witnessed = len(copied)
    for key in sorted(seals_of(s3, lake) - copied):
        if copied and key > min(copied):
            verdict.faults.append(Fault("witness", key, "it is newer than the first locked copy and has none"))


def seals_of(s3: Any, lake: str) -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=lake, Prefix=SEALS)
    return {item["Key"] for page in pages for item in page.get("Contents", ())}


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
