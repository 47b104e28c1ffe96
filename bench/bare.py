"""A bare function behind the API door's own gateway: the door's calls to AWS and nothing else.

It is what the doors are held against in the same run. How fast AWS's services and this machine are cancels out; what is
left is the door's own work: reading records, making the vector, judging, and keeping what it answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlparse

from bench import stand_in
from features.entities import IDENTIFIERS
from features.fraud import FRAUD
from features.vector import LAYOUTS
from tools.operate.platform import Platform

HANDLER = """
import json, os
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

ABOUT = json.loads(os.environ["ABOUT"])
CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1, "mode": "standard"})
STORE = boto3.client("sagemaker-featurestore-runtime", config=CONFIG)
MODEL = boto3.client("sagemaker-runtime", config=CONFIG)
TABLES = boto3.client("dynamodb", config=CONFIG)
STREAM = boto3.client("kinesis", config=CONFIG)
BESIDE = ThreadPoolExecutor(1)


def handler(event, context):
    paid = json.loads(event["body"])
    asked = [
        {"FeatureGroupName": group, "RecordIdentifiersValueAsString": [paid[field]]}
        for group, field in ABOUT["groups"].items()
        if field in paid
    ]
    key = {"customer_id": {"S": paid["transaction_id"]}}
    tail = BESIDE.submit(TABLES.get_item, TableName=ABOUT["tails"], Key=key, ConsistentRead=True)
    STORE.batch_get_record(Identifiers=asked)
    tail.result()
    answer = MODEL.invoke_endpoint(
        EndpointName=ABOUT["endpoint"], ContentType="application/json", Accept="application/json", Body=ABOUT["rows"]
    )
    answer["Body"].read()
    item = {"transaction_id": {"S": paid["transaction_id"]}, "decision": {"S": ABOUT["rows"]}}
    TABLES.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": ABOUT["answers"], "Item": item}},
            {"Put": {"TableName": ABOUT["tails"], "Item": key}},
        ]
    )
    STREAM.put_record(StreamName=ABOUT["stream"], PartitionKey=paid["customer_id"], Data=event["body"].encode())
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": "{}"}
"""


class Bare(Platform):
    """The platform, asked at the bare function."""

    @property
    def api(self) -> tuple[str, dict[str, str]]:
        url, headers = super().api
        return url.removesuffix("/decisions") + "/bare", headers


@contextmanager
def beside(platform: Platform) -> Iterator[Bare]:
    """While it lasts, the API has a second route, to a function with the door's memory and role."""
    functions, gateway = platform.client("lambda"), platform.client("apigatewayv2")
    name, prefix = f"{platform.prefix}-bare", platform.prefix
    about = {
        "groups": {f"{prefix}-{entity}": IDENTIFIERS[entity] for entity in LAYOUTS},
        "endpoint": platform.outputs["endpoint_name"],
        "rows": json.dumps({"feature_version": FRAUD.version, "rows": [[None] * len(FRAUD.columns)]}),
        "answers": f"{prefix}-answers",
        "tails": f"{prefix}-tails",
        "stream": platform.outputs["stream_name"],
    }
    made = stand_in.function(functions, f"{prefix}-decide", name, HANDLER, {"ABOUT": json.dumps(about)})
    api = urlparse(platform.outputs["api_url"]).netloc.partition(".")[0]
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=made["FunctionArn"], PayloadFormatVersion="2.0"
    )["IntegrationId"]
    target = f"integrations/{integration}"
    route = gateway.create_route(ApiId=api, RouteKey="POST /v1/bare", AuthorizationType="AWS_IAM", Target=target)
    functions.add_permission(
        FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    try:
        yield Bare(platform.outputs)
    finally:
        gateway.delete_route(ApiId=api, RouteId=route["RouteId"])
        gateway.delete_integration(ApiId=api, IntegrationId=integration)
        functions.delete_function(FunctionName=name)
