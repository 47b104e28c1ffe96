"""Where a rendered pipeline runs is not known yet: placeholders that Terraform replaces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Places:
    """Placeholders of a definition, in a shape that the SDK accepts; Terraform puts the real values."""

    account: str = "000000000000"
    region: str = "eu-west-1"
    prefix: str = "PREFIX"
    lake: str = "LAKE-BUCKET"
    artifacts: str = "ARTIFACTS-BUCKET"
    code_key: str = "CODE-KEY"
    image: str = "IMAGE-URI"
    key: str = "arn:aws:kms:eu-west-1:000000000000:key/LAKE"
    instance: str = "ml.m5.xlarge"
    # One text in each list: Terraform puts all subnets and groups there, and takes out what says that a job has a
    # network where there is none.
    subnet: str = "NETWORK-SUBNET"
    security_group: str = "NETWORK-SECURITY-GROUP"

    @property
    def code(self) -> str:
        return f"s3://{self.artifacts}/{self.code_key}"

    @staticmethod
    def role(step: str) -> str:
        """Each step runs as a role of its own: prepare, train or evaluate."""
        return f"arn:aws:iam::000000000000:role/{step.upper()}-ROLE"
