"""Renders the pipelines to JSON without an AWS account: `python -m training.pipelines.render [FOLDER]`.

What is rendered lies beside the stack that makes it, so that deploying needs no SDK: `make docs` renders it again, and
`make check` compares.

The SDK asks IAM whether the role would be allowed and S3 nothing at all; both are answered here, before a request
leaves the process, through botocore's own event hooks.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from copy import deepcopy
from pathlib import Path

REGION = "eu-west-1"
FOLDER = Path(__file__).resolve().parents[2] / "terraform" / "platform" / "pipelines"


NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ANSWERS = {
    "GetRole": {"Role": {"RoleName": "STEP-ROLE", "AssumeRolePolicyDocument": json.dumps(TRUST)}},
    "SimulatePrincipalPolicy": {"EvaluationResults": [], "IsTruncated": False},
}


class NoRequest(RuntimeError):
    """Rendering tried to call AWS; the text names the call."""


def answer(model, **_):
    """Stands between the SDK and the network (botocore's `before-call`): nothing is asked of AWS.

    The SDK wants IAM to confirm that SageMaker may assume the role and that the role may do its work. The role does not
    exist yet: Terraform makes it, and its own tests hold it to exactly this.
    """
    if model.name in ANSWERS:
        return _OK, {**deepcopy(ANSWERS[model.name]), "ResponseMetadata": {}}  # botocore decodes in place
    raise NoRequest(f"rendering a pipeline must not call AWS, but asked for {model.name}")


class _Ok:
    status_code = 200


_OK = _Ok()


def main(target: str = str(FOLDER)) -> None:
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    logging.disable(logging.WARNING)  # the SDK explains at length which fields a pipeline leaves to run time
    import boto3
    from sagemaker.core.workflow.pipeline_context import PipelineSession

    from training.pipelines import credit_risk, fraud_detection
    from training.pipelines.places import Places

    boto = boto3.Session(region_name=REGION, aws_access_key_id="none", aws_secret_access_key="none")
    boto.events.register("before-call", answer)
    session = PipelineSession(boto_session=boto, default_bucket="ARTIFACTS-BUCKET", sagemaker_config=NO_TELEMETRY)
    places = Places()
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    for name, module in (("credit", credit_risk), ("fraud", fraud_detection)):
        definition = json.loads(module.build(places, session).definition())
        (folder / f"{name}.json").write_text(json.dumps(definition, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
