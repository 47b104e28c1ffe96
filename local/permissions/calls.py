"""What a request asks of IAM: actions, each on a resource, with the values that conditions look at.

MiniStack knows this for S3 and a few others. Where it names another resource than AWS does (Glue, Parameter Store,
logs, keys by alias) or none (SageMaker, namespaces of metrics), it is said here. What neither knows stays empty, and is
never taken for allowed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from ministack.core import iam_actions
from ministack.services import athena, dynamodb, kinesis, kms, s3, sns, sqs, ssm

HOOKS = {
    "ministack.core.iam_actions.dynamodb_resource_arns": "(body: bytes, region: str, account_id: str) -> list[str]",
    "ministack.core.iam_actions.dynamodb_transaction_checks": None,
    "ministack.core.iam_actions.eventbridge_resource_arns": "(body: bytes, region: str, account_id: str) -> list[str]",
    "ministack.core.iam_actions.extract_iam_action": (
        "(service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict) -> str | None"
    ),
    "ministack.core.iam_actions.extract_resource_arn": (
        "(service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, region: str, "
        "account_id: str) -> str"
    ),
    "ministack.core.iam_actions.s3_additional_checks": (
        "(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> list[tuple[str, str]]"
    ),
    "ministack.services.athena._executions": None,
    "ministack.services.dynamodb._tables": None,
    "ministack.services.kinesis._shard_iterators": None,
    "ministack.services.kinesis._streams": None,
    "ministack.services.kms._resolve_key": "(key_id_or_arn)",
    "ministack.services.s3._bucket_default_sse_headers": "(bucket_name: str) -> dict",
    "ministack.services.sns._topics": None,
    "ministack.services.sqs._queue_by_arn": "(arn: str) -> dict | None",
    "ministack.services.ssm._parameters": None,
}

WHOLE = 16_384  # bytes of a body that are read as JSON; in a longer one a member is looked for


class Call(NamedTuple):
    """One thing that IAM is asked. An empty action or resource could not be determined."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


class Place(NamedTuple):
    """Where a request goes."""

    region: str
    account: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


class Request:
    """One request as its service's handler gets it."""

    def __init__(
        self,
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | str,
        params: Mapping[str, Any],
    ) -> None:
        self.service, self.method, self.path, self.headers = service, method, path, dict(headers)
        self.body = body.encode() if isinstance(body, str) else body or b""  # MiniStack's own calls bring text
        self.params = dict(params)
        self._members: dict[str, Any] | None = None

    @classmethod
    def operation(cls, service: str, operation: str, members: Mapping[str, Any]) -> Request:
        """What a JSON client would send."""
        headers = {"x-amz-target": f"{service}.{operation}"}
        said = {name: value for name, value in members.items() if isinstance(value, str)}
        return cls(service, "POST", "/", headers, json.dumps(members, default=str).encode(), said)

    @property
    def name(self) -> str:
        """The operation, where the request says it."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if "/operation/" in self.path:  # smithy-rpc-v2
            return self.path.rpartition("/")[2]
        action = self.params.get("Action")
        return action[0] if isinstance(action, list) else action or ""

    def members(self) -> dict[str, Any]:
        if self._members is None:
            self._members = self._parsed()
        return self._members

    def _parsed(self) -> dict[str, Any]:
        try:
            if "cbor" in self.headers.get("content-type", ""):
                import cbor2

                found = cbor2.loads(self.body)
            else:
                found = json.loads(self.body or b"{}")
        except Exception:  # whatever a client may send: its handler will say so
            return {}
        return found if isinstance(found, dict) else {}

    def get(self, *names: str) -> str:
        """The first of the members that is there, as text."""
        for name in names:
            if name in self.params:
                value = self.params[name]
                return str(value[0] if isinstance(value, list) else value)
            if len(self.body) > WHOLE and "cbor" not in self.headers.get("content-type", ""):
                if found := re.search(rb'"%s"\s*:\s*"([^"\\]*)"' % name.encode(), self.body):
                    return found[1].decode()
            elif isinstance(value := self.members().get(name), str):
                return value
        return ""

    def every(self, name: str) -> list[str]:
        """Every value of a member, however deep it lies."""
        found = re.findall(rb'"%s"\s*:\s*"([^"\\]*)"' % name.encode(), self.body)
        return [value.decode() for value in dict.fromkeys(found)]


def asked(request: Request, place: Place) -> list[Call]:
    """What a request asks, what it passes on (a role) and what the keys ask that encrypt what it touches."""
    calls = list(_SERVICES.get(request.service, _by_ministack)(request, place))
    return [*calls, *_passed(request, place), *[key for call in calls for key in _keys(request, call, place)]]


def _action(request: Request) -> str:
    return (
        iam_actions.extract_iam_action(
            request.service, request.method, request.path, request.headers, request.body, request.params
        )
        or ""
    )


def _by_ministack(request: Request, place: Place) -> Iterator[Call]:
    resource = iam_actions.extract_resource_arn(
        request.service,
        request.method,
        request.path,
        request.headers,
        request.body,
        request.params,
        place.region,
        place.account,
    )
    yield Call(_action(request), resource if resource != "*" else "")


def _kinesis(request: Request, place: Place) -> Iterator[Call]:
    """Records may be many: their body is not read for the name of their stream. An iterator is of one, too."""
    stream, name = request.get("StreamARN", "ResourceARN", "ConsumerARN"), request.get("StreamName")
    if not (stream or name) and (token := request.get("ShardIterator")):
        name = (kinesis._shard_iterators.get(token) or {}).get("stream", "")
    yield Call(f"kinesis:{request.name}", stream or _named(place, "kinesis", "stream", name))


def _messages(request: Request, place: Place) -> Iterator[Call]:
    """Several at once need what one needs."""
    for call in _by_ministack(request, place):
        yield call._replace(action=call.action.removesuffix("Batch"))


def _s3(request: Request, place: Place) -> Iterator[Call]:
    for call in _by_ministack(request, place):
        resource = call.resource or ("*" if call.action == "s3:ListAllMyBuckets" else "")
        if request.path.endswith("/") and "/" in resource and request.path.count("/") > 2:
            resource = f"{resource}/"  # the object that stands for a folder
        yield call._replace(
            resource=resource,
            context=_s3_context(request, call.action),
        )
    for action, resource in iam_actions.s3_additional_checks(
        request.method, request.path, request.headers, request.body, request.params
    ):
        yield Call(action, resource)


def _s3_context(request: Request, action: str) -> tuple[tuple[str, str], ...]:
    if action in ("s3:ListBucket", "s3:ListBucketVersions"):
        return (("s3:prefix", request.get("prefix")),) if "prefix" in request.params else ()
    if action == "s3:PutObject" and (only_if := request.headers.get("if-none-match")):
        return (("s3:if-none-match", only_if),)
    return ()


def _glue(request: Request, place: Place) -> Iterator[Call]:
    """The catalog is asked at every level that lies above: a table's database and the catalog itself."""
    name = request.name
    if "Crawler" in name:
        yield Call(f"glue:{name}", _named(place, "glue", "crawler", request.get("Name", "CrawlerName")))
    elif "Job" in name:
        yield Call(f"glue:{name}", _named(place, "glue", "job", request.get("JobName", "Name")))
    elif "Database" in name or "Table" in name or "Partition" in name:
        yield Call(f"glue:{name}", place.arn("glue", "catalog"))
        inner = request.members().get("DatabaseInput") or {}
        database = request.get("DatabaseName") or ("Database" in name and (request.get("Name") or inner.get("Name")))
        if database:
            yield Call(f"glue:{name}", place.arn("glue", f"database/{database}"))
        elif name != "GetDatabases":
            yield Call(f"glue:{name}", "")
        if "Database" not in name:
            inner = request.members().get("TableInput") or {}
            table = request.get("TableName", "Name") or inner.get("Name") or ("*" if name == "GetTables" else "")
            yield Call(f"glue:{name}", place.arn("glue", f"table/{database}/{table}") if table else "")
    else:
        yield Call(f"glue:{name}", "")


def _named(place: Place, service: str, kind: str, name: str) -> str:
    return place.arn(service, f"{kind}/{name}") if name else ""


def _ssm(request: Request, place: Place) -> Iterator[Call]:
    listed = request.members().get("Names")
    names = listed if isinstance(listed, list) else [request.get("Name", "Path")]
    for name in names:
        yield Call(f"ssm:{request.name}", place.arn("ssm", f"parameter/{str(name).lstrip('/')}") if name else "")


def _logs(request: Request, place: Place) -> Iterator[Call]:
    group = request.get("logGroupName") or request.get("logGroupIdentifier").rpartition(":log-group:")[2]
    stream = request.get("logStreamName")
    # Everything about a group is asked with this ending; a policy that names the group without it allows nothing.
    yield Call(f"logs:{request.name}", place.arn("logs", f"log-group:{group}:log-stream:{stream}") if group else "")


def _kms(request: Request, place: Place) -> Iterator[Call]:
    for call in _by_ministack(request, place):
        yield call._replace(resource=_key_arn(call.resource))


def _key_arn(key: str) -> str:
    """A policy names keys, never aliases: whichever of them a request says."""
    found = kms._resolve_key(key) if key else None
    return found["Arn"] if found else ""


def _cloudwatch(request: Request, place: Place) -> Iterator[Call]:
    if request.name == "PutMetricData":
        yield Call("cloudwatch:PutMetricData", "*", (("cloudwatch:namespace", request.get("Namespace")),))
    elif request.name in ("GetMetricData", "GetMetricStatistics", "ListMetrics"):
        yield Call(f"cloudwatch:{request.name}", "*")
    else:
        listed = request.members().get("AlarmNames")
        names = listed if isinstance(listed, list) else [request.get("AlarmName", "AlarmNames.member.1") or "*"]
        for name in names:
            yield Call(f"cloudwatch:{request.name}", place.arn("cloudwatch", f"alarm:{name}"))


_KINDS = {
    "ModelPackageGroup": "model-package-group",
    "ModelPackage": "model-package",
    "TrainingJob": "training-job",
    "ProcessingJob": "processing-job",
    "TransformJob": "transform-job",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
    "FeatureGroup": "feature-group",
    "PipelineExecution": "pipeline",
    "Pipeline": "pipeline",
    "Model": "model",
}
_INVOKED = re.compile(r"^/endpoints/([^/]+)/invocations")
_RECORD = {"GET": "GetRecord", "PUT": "PutRecord", "DELETE": "DeleteRecord"}
_RECORDS = {"/BatchGetRecord": "BatchGetRecord", "/BatchWriteRecord": "BatchWriteRecord"}


def _sagemaker(request: Request, place: Place) -> Iterator[Call]:
    if found := _INVOKED.match(request.path):
        yield Call("sagemaker:InvokeEndpoint", place.arn("sagemaker", f"endpoint/{unquote(found[1])}"))
    elif request.path.startswith("/FeatureGroup/"):
        group = unquote(request.path.split("/")[2])
        yield Call(f"sagemaker:{_RECORD.get(request.method, '')}", _sagemaker_arn(place, "feature-group", group))
    elif batch := _RECORDS.get(request.path):
        for group in request.every("FeatureGroupName") or [""]:
            yield Call(f"sagemaker:{batch}", _sagemaker_arn(place, "feature-group", group))
    else:
        yield from _sagemaker_control(request, place)


def _sagemaker_control(request: Request, place: Place) -> Iterator[Call]:
    name = request.name
    action = f"sagemaker:{name}" if name else ""
    if name in ("AddTags", "ListTags", "DeleteTags"):
        yield Call(action, request.get("ResourceArn"))
        return
    if name.startswith("List"):
        run, pipeline = request.get("PipelineExecutionArn"), request.get("PipelineName")
        yield Call(action, _sagemaker_arn(place, "pipeline", run or pipeline) if run or pipeline else "*")
        return
    kind = next((kind for kind in _KINDS if kind in name), "")
    said = request.get(f"{kind}Name", f"{kind}Arn")
    if name == "StartPipelineExecution":
        kind, said = "Pipeline", request.get("PipelineName")
    if name == "CreateModelPackage":
        kind, said = "ModelPackageGroup", request.get("ModelPackageGroupName")
    yield Call(action, _sagemaker_arn(place, _KINDS[kind], said) if kind else "")
    if name in ("CreateEndpoint", "UpdateEndpoint"):
        yield Call(action, _sagemaker_arn(place, "endpoint-config", request.get("EndpointConfigName")))
    if isinstance(tags := request.members().get("Tags"), list) and tags and said:
        yield Call("sagemaker:AddTags", _sagemaker_arn(place, _KINDS[kind], said))


def _sagemaker_arn(place: Place, kind: str, name: str) -> str:
    """An execution's ARN is its pipeline's to IAM."""
    if name.startswith("arn:"):
        return name.partition("/execution/")[0]
    return _named(place, "sagemaker", kind, name.lower() if kind != "feature-group" else name)


def _athena(request: Request, place: Place) -> Iterator[Call]:
    if request.name == "GetDataCatalog":
        yield Call("athena:GetDataCatalog", _named(place, "athena", "datacatalog", request.get("Name")))
        return
    group = request.get("WorkGroup")
    if query := request.get("QueryExecutionId"):
        group = (athena._executions.get(query) or {}).get("WorkGroup", "")
    elif request.name == "StartQueryExecution":
        group = group or "primary"
    yield Call(f"athena:{request.name}", _named(place, "athena", "workgroup", group))
    if request.name == "GetQueryResults":
        where = ((athena._executions.get(query) or {}).get("ResultConfiguration") or {}).get("OutputLocation", "")
        yield Call("s3:GetObject", f"arn:aws:s3:::{where.removeprefix('s3://')}" if where else "")


def _dynamodb(request: Request, place: Place) -> Iterator[Call]:
    items = iam_actions.dynamodb_transaction_checks(
        f"dynamodb:{request.name}", request.body, place.region, place.account
    )
    if items:  # each is asked as the action on one item that it is
        yield from (Call(action, table) for action, table in dict.fromkeys(items))
        return
    for table in iam_actions.dynamodb_resource_arns(request.body, place.region, place.account) or [""]:
        yield Call(f"dynamodb:{request.name}", table)


def _events(request: Request, place: Place) -> Iterator[Call]:
    buses = iam_actions.eventbridge_resource_arns(request.body, place.region, place.account)
    if buses:
        yield from (Call(f"events:{request.name}", bus) for bus in buses)
        return
    name, bus = request.get("Name", "Rule"), request.get("EventBusName")
    inner = f"{bus}/{name}" if bus not in ("", "default") else name
    yield Call(f"events:{request.name}", _named(place, "events", "rule", inner) if name else "")


def _sts(request: Request, place: Place) -> Iterator[Call]:
    if request.name != "GetCallerIdentity":  # nobody needs a permission for that
        yield from _by_ministack(request, place)


_SERVICES: dict[str, Callable[[Request, Place], Iterator[Call]]] = {
    "athena": _athena,
    "dynamodb": _dynamodb,
    "events": _events,
    "glue": _glue,
    "kinesis": _kinesis,
    "kms": _kms,
    "logs": _logs,
    "monitoring": _cloudwatch,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "sns": _messages,
    "sqs": _messages,
    "ssm": _ssm,
    "sts": _sts,
}

# Where a request hands a role to a service, and to which one.
_PASSING = {
    "events": ("events.amazonaws.com", ("RoleArn",)),
    "glue": ("glue.amazonaws.com", ("Role",)),
    "lambda": ("lambda.amazonaws.com", ("Role",)),
    "sagemaker": ("sagemaker.amazonaws.com", ("RoleArn", "ExecutionRoleArn")),
    "scheduler": ("scheduler.amazonaws.com", ("RoleArn",)),
    "states": ("states.amazonaws.com", ("roleArn",)),
}


def _passed(request: Request, place: Place) -> Iterator[Call]:
    service, members = _PASSING.get(request.service, ("", ()))
    if not service or request.method not in ("POST", "PUT") or request.path.endswith("/invocations"):
        return
    made = request.name.startswith(("Create", "Update", "Start", "Put")) or request.service in ("lambda", "scheduler")
    given = [role for member in members for role in request.every(member)] if made else []
    for role in dict.fromkeys(given):
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{place.account}:role/{role}"
        yield Call("iam:PassRole", arn, (("iam:PassedToService", service),))


OWN_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
# What encrypting with the customer's own key asks of it, in the name of the one who calls.
_WRITES, _READS = ("kms:GenerateDataKey",), ("kms:Decrypt",)
_ENCRYPTED = {
    "s3:PutObject": _WRITES,
    "s3:GetObject": _READS,
    "s3:GetObjectVersion": _READS,
    "kinesis:PutRecord": _WRITES,
    "kinesis:PutRecords": _WRITES,
    "kinesis:GetRecords": _READS,
    "kinesis:SubscribeToShard": _READS,
    "sqs:SendMessage": (*_WRITES, *_READS),
    "sqs:ReceiveMessage": _READS,
    "sns:Publish": (*_WRITES, *_READS),
    **{
        f"dynamodb:{name}": _READS  # of the table's own data key
        for name in (
            *("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"),
            *("TransactGetItems", "TransactWriteItems"),
        )
    },
}


def _secret(request: Request | None, call: Call, place: Place) -> Iterator[Call]:
    """What Parameter Store asks of a secure string's key: nothing for one whose text nobody wants to read."""
    if request is None or not call.resource:
        return
    kept = ssm._parameters.get(f"/{call.resource.partition(':parameter/')[2]}") or {}
    given = request.members()
    key = given.get("KeyId") or kept.get("KeyId") or ""
    if (given.get("Type") or kept.get("Type")) != "SecureString" or key.startswith("alias/aws/"):
        return
    if call.action == "ssm:PutParameter":
        tier = given.get("Tier") or kept.get("Tier")
        action = "kms:GenerateDataKey" if tier == "Advanced" else "kms:Encrypt"
    elif given.get("WithDecryption") in (True, "true"):
        action = "kms:Decrypt"
    else:
        return
    if arn := _key_arn(key):
        of = ("kms:EncryptionContext:PARAMETER_ARN", call.resource)
        yield Call(action, arn, (("kms:ViaService", f"ssm.{place.region}.amazonaws.com"), of))


def _keys(request: Request | None, call: Call, place: Place) -> Iterator[Call]:
    if call.action in ("ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter"):
        yield from _secret(request, call, place)
        return
    asked_of_key = _ENCRYPTED.get(call.action)
    if not asked_of_key or (request is not None and request.method == "HEAD"):
        return
    if request is not None and call.action == "s3:PutObject" and {"uploads", "uploadId"} & set(request.params):
        asked_of_key = (*asked_of_key, "kms:Decrypt")  # parts are put together again
    own = request.headers.get(OWN_KEY, "") if request is not None and call.action == "s3:PutObject" else ""
    key = _key_arn(own or _key_of(call))
    if key:
        service = call.action.partition(":")[0]
        via = ("kms:ViaService", f"{service}.{place.region}.amazonaws.com")
        yield from (Call(action, key, (via,)) for action in asked_of_key)


def _key_of(call: Call) -> str:
    """The key that encrypts a resource; AWS's own keys need no permission."""
    service, name = call.action.partition(":")[0], call.resource.rpartition(":")[2]
    if service == "s3":
        bucket = call.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        headers = s3._bucket_default_sse_headers(bucket)
        key = headers.get(OWN_KEY, "")
    elif service == "kinesis":
        key = (kinesis._streams.get(name.split("/")[1]) or {}).get("KeyId") or "" if "/" in name else ""
    elif service == "dynamodb":
        table = dynamodb._tables.get(name.split("/")[1]) if "/" in name else None
        key = ((table or {}).get("SSEDescription") or {}).get("KMSMasterKeyArn", "")
    elif service == "sqs":
        key = ((sqs._queue_by_arn(call.resource) or {}).get("attributes") or {}).get("KmsMasterKeyId", "")
    else:
        key = ((sns._topics.get(call.resource) or {}).get("attributes") or {}).get("KmsMasterKeyId", "")
    return "" if key.startswith("alias/aws/") else key


def with_keys(call: Call, place: Place) -> list[Call]:
    """A call that a service makes for a role, and what it asks of the key."""
    return [call, *_keys(None, call, place)]
