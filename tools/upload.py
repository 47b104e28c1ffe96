"""Puts the artifacts where Terraform refers to them. What is there already is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

BUILD = Path(__file__).resolve().parent.parent / "build" / "package"


def main(bucket: str) -> None:
    s3 = boto3.client("s3")
    listed = json.loads((BUILD / "platform.tfvars.json").read_text())["artifacts"]
    sent = 0
    for artifact in listed.values():
        if not exists(s3, bucket, artifact["key"]):
            s3.put_object(Bucket=bucket, Key=artifact["key"], Body=(BUILD / artifact["key"]).read_bytes())
            sent += 1
    print(f"{sent} of {len(listed)} artifacts uploaded to s3://{bucket}, the others were there")


def exists(s3, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as missing:
        if missing.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return False
        raise
    return True
