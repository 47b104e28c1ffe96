"""Where a rendered pipeline runs is not known yet: placeholders that Terraform replaces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Places:
    """`${...}` placeholders of a definition, and the key of the code archive in the artifacts bucket."""

    code_key: str
    account: str = "000000000000"  # a shape that the SDK accepts; Terraform puts the real values
    region: str = "eu-west-1"
    prefix: str = "PREFIX"
    lake: str = "LAKE-BUCKET"
    artifacts: str = "ARTIFACTS-BUCKET"
    image: str = "IMAGE-URI"
    role: str = "arn:aws:iam::000000000000:role/EXECUTION-ROLE"
    instance: str = "ml.m5.xlarge"

    @property
    def code(self) -> str:
        return f"s3://{self.artifacts}/{self.code_key}"
