"""Step Functions tasks that call Glue, SageMaker and Athena, and wait for them.

MiniStack knows neither these optimised integrations nor ``aws-sdk:`` for services beyond its own. Here a ``.sync`` task
polls the real thing and fails as on AWS: an API error is ``Glue.<Code>``, ``SageMaker.<Code>`` or ``Athena.<Code>``; a
job that did not succeed is ``States.TaskFailed`` with its description as JSON in the cause. Stopping the execution
stops the job.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

from local.permissions import recorder
from local.permissions.denied import AccessDenied
from local.services import own_client
from local.settings import Settings

HOOKS = {
    "ministack.core.responses.get_account_id": "() -> str",
    "ministack.core.responses.get_region": "() -> str",
    "ministack.services.stepfunctions._AWS_SDK_SERVICE_MAP": None,
    "ministack.services.stepfunctions._ExecutionError.__init__": "(self, error, cause)",
    "ministack.services.stepfunctions._executions": None,
    "ministack.services.stepfunctions._invoke_aws_sdk_integration": "(resource, input_data)",
    "ministack.services.stepfunctions._invoke_resource": "(resource, input_data)",
    "ministack.services.stepfunctions._prefix_sdk_error": "(service_name: str, error_code: str) -> str",
    "ministack.services.stepfunctions._run_execution": "(exec_arn)",
    "ministack.services.stepfunctions._sdk_json_param_value": "(value, shape)",
    "ministack.services.stepfunctions._sdk_json_value": "(value, shape)",
}

POLL_SECONDS = 0.2
OPTIMISED = re.compile(r"^arn:aws:states:::(glue|sagemaker|athena):(\w+)(\.sync(?::2)?)?$")
ITS_OWN = re.compile(r"^arn:aws:states:::(\w+):(\w+)")
SDK = re.compile(r"^arn:aws:states:::aws-sdk:(\w+):(\w+)$")
SAGEMAKER_RULE = "StepFunctionsGetEventsForSageMakerJobsRule"
ERROR_PREFIX = {"glue": "Glue", "sagemaker": "SageMaker", "athena": "Athena"}
# What a refusal by IAM is called: the class that the first Java SDK has for all of a service's errors.
REFUSED = {
    "dynamodb": "DynamoDB.AmazonDynamoDBException",
    "events": "EventBridge.AmazonEventBridgeException",
    "sns": "SNS.AmazonSNSException",
    "sqs": "SQS.AmazonSQSException",
    "states": "StepFunctions.AWSStepFunctionsException",
}
# What aws-sdk:* calls a service, where boto3's name is another one.
BOTO3_NAMES = {
    "sagemakerruntime": "sagemaker-runtime",
    "sagemakerfeaturestoreruntime": "sagemaker-featurestore-runtime",
    "cloudwatch": "cloudwatch",
}

_execution: contextvars.ContextVar[str] = contextvars.ContextVar("execution", default="")


@dataclass(frozen=True)
class _Waiting:
    """How a ``.sync`` task follows what it started."""

    describe: str
    asked: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]
    found: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    state: Callable[[Mapping[str, Any]], str]
    ended: frozenset[str]
    succeeded: str
    stop: str
    stopped_by: Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _sagemaker_job(kind: str) -> _Waiting:
    name = f"{kind}JobName"
    return _Waiting(
        describe=f"Describe{kind}Job",
        asked=lambda request, _: {name: request[name]},
        found=lambda answer: answer,
        state=lambda job: job[f"{kind}JobStatus"],
        ended=frozenset({"Completed", "Failed", "Stopped"}),
        succeeded="Completed",
        stop=f"Stop{kind}Job",
        stopped_by=lambda asked: asked,
    )


WAITING = {
    ("glue", "StartJobRun"): _Waiting(
        describe="GetJobRun",
        asked=lambda request, started: {"JobName": request["JobName"], "RunId": started["JobRunId"]},
        found=lambda answer: answer["JobRun"],
        state=lambda run: run["JobRunState"],
        ended=frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"}),
        succeeded="SUCCEEDED",
        stop="BatchStopJobRun",
        stopped_by=lambda asked: {"JobName": asked["JobName"], "JobRunIds": [asked["RunId"]]},
    ),
    ("athena", "StartQueryExecution"): _Waiting(
        describe="GetQueryExecution",
        asked=lambda _, started: {"QueryExecutionId": started["QueryExecutionId"]},
        found=lambda answer: answer,
        state=lambda answer: answer["QueryExecution"]["Status"]["State"],
        ended=frozenset({"SUCCEEDED", "FAILED", "CANCELLED"}),
        succeeded="SUCCEEDED",
        stop="StopQueryExecution",
        stopped_by=lambda asked: asked,
    ),
    **{("sagemaker", f"Create{kind}Job"): _sagemaker_job(kind) for kind in ("Training", "Transform", "Processing")},
}


def install(settings: Settings) -> None:
    stepfunctions._invoke_resource = _invoking(stepfunctions._invoke_resource)
    stepfunctions._run_execution = _remembering(stepfunctions._run_execution)
    stepfunctions._prefix_sdk_error = _named_as_in_java(stepfunctions._prefix_sdk_error)


def _named_as_in_java(prefixed: Any) -> Any:
    """aws-sdk errors are the Java SDK's classes, whatever the API calls them: Ssm.ParameterNotFoundException."""

    def prefix_sdk_error(service_name: str, error_code: str) -> str:
        name = prefixed(service_name, error_code)
        plain = name.startswith("States.") or name.endswith(("Exception", "Fault", "Error"))
        return name if plain else f"{name}Exception"

    return prefix_sdk_error


def _remembering(run: Any) -> Any:
    def run_execution(exec_arn: str) -> Any:
        _execution.set(exec_arn)
        return run(exec_arn)

    return run_execution


def _invoking(invoke: Any) -> Any:
    def invoke_resource(resource: str, input_data: Any) -> Any:
        if optimised := OPTIMISED.match(resource):
            service, action, sync = optimised.groups()
            _asks_beside(service, bool(sync))
            return _optimised(service, action[0].upper() + action[1:], bool(sync), input_data or {}, resource)
        sdk = SDK.match(resource)
        if sdk and sdk[1].lower() not in stepfunctions._AWS_SDK_SERVICE_MAP:
            return _sdk_call(sdk[1].lower(), sdk[2][0].upper() + sdk[2][1:], input_data or {})
        if not sdk:
            _tells(resource, input_data)
        return invoke(resource, input_data)

    return invoke_resource


def _tells(resource: str, request: Any) -> None:
    """What MiniStack does in this process, without a request that says whose it is."""
    function = resource if resource.startswith("arn:aws:lambda:") else ""
    if resource.startswith("arn:aws:states:::lambda:invoke"):
        name = (request or {}).get("FunctionName", "")
        function = (
            name if name.startswith("arn:") else f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{name}"
        )
    found = ITS_OWN.match(resource)
    try:
        if function:
            recorder.asks("lambda:InvokeFunction", function)
        elif found:
            recorder.asks_by_request(found[1], found[2][0].upper() + found[2][1:], request or {})
    except AccessDenied as refusal:
        name = "Lambda.AWSLambdaException" if function or not found else REFUSED.get(found[1], "States.TaskFailed")
        raise stepfunctions._ExecutionError(name, str(refusal)) from refusal


def _asks_beside(service: str, sync: bool) -> None:
    """What Step Functions asks beside the call itself: a rule of its own tells it that a SageMaker job has ended, and
    a query is started in a catalog."""
    place = f"{get_region()}:{get_account_id()}"
    try:
        if service == "sagemaker" and sync:
            for action in ("PutTargets", "PutRule", "DescribeRule"):
                recorder.asks(f"events:{action}", f"arn:aws:events:{place}:rule/{SAGEMAKER_RULE}")
        if service == "athena":
            recorder.asks("athena:GetDataCatalog", f"arn:aws:athena:{place}:datacatalog/AwsDataCatalog")
    except AccessDenied as refusal:  # on AWS such a machine cannot be made
        raise stepfunctions._ExecutionError("States.TaskFailed", str(refusal)) from refusal


def _optimised(service: str, action: str, sync: bool, request: dict, resource: str) -> Any:
    waiting = WAITING.get((service, action))
    if sync and waiting is None:
        raise stepfunctions._ExecutionError("States.Runtime", f"{resource} cannot be waited for.")
    started = _call(service, action, request, ERROR_PREFIX[service])
    if not sync or waiting is None:
        return _plain(started)
    asked = waiting.asked(request, started)
    while True:
        seen = waiting.found(_call(service, waiting.describe, asked, ERROR_PREFIX[service]))
        state = waiting.state(seen)
        if state in waiting.ended:
            break
        if _aborted():
            with contextlib.suppress(stepfunctions._ExecutionError):
                _call(service, waiting.stop, waiting.stopped_by(asked), ERROR_PREFIX[service])
            raise stepfunctions._ExecutionError("States.TaskFailed", "The execution was stopped.")
        time.sleep(POLL_SECONDS)
    if state != waiting.succeeded:
        raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(_plain(seen)))
    return _plain(seen)


def _aborted() -> bool:
    execution = stepfunctions._executions.get(_execution.get())
    return execution is not None and execution.get("status") not in (None, "RUNNING")


def _sdk_call(service: str, action: str, request: dict) -> Any:
    from botocore.exceptions import UnknownServiceError

    name = BOTO3_NAMES.get(service, service)
    try:
        model = own_client.client(name).meta.service_model
    except UnknownServiceError as failure:
        raise stepfunctions._ExecutionError("States.Runtime", f"aws-sdk has no service {service}.") from failure
    if action not in model.operation_names:
        raise stepfunctions._ExecutionError("States.Runtime", f"aws-sdk:{service} has no operation {action}.")
    operation = model.operation_model(action)
    wire = stepfunctions._sdk_json_param_value(request, operation.input_shape) if operation.input_shape else {}
    answer = _plain(_call(name, action, wire, model.service_id.replace(" ", ""), optimised=False), milliseconds=False)
    return stepfunctions._sdk_json_value(answer, operation.output_shape) if operation.output_shape else {}


def _call(service: str, action: str, request: Mapping[str, Any], prefix: str, optimised: bool = True) -> dict[str, Any]:
    from botocore import xform_name
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = getattr(own_client.client(service), xform_name(action))(**request)
    except AttributeError as failure:
        raise stepfunctions._ExecutionError("States.Runtime", f"{service} has no action {action}.") from failure
    except ClientError as failure:
        code = failure.response["Error"]["Code"]
        # Step Functions uses the Java class of an exception. One that the API does not model has the service's own:
        # of the first SDK in optimised integrations, of the second in aws-sdk ones.
        if code not in own_client.client(service).meta.service_model.shape_names:
            code = (
                f"Amazon{prefix}Exception"
                if ERROR_PREFIX.get(service) == prefix and optimised
                else f"{prefix}Exception"
            )
        code = code if code.endswith("Exception") else f"{code}Exception"
        raise stepfunctions._ExecutionError(f"{prefix}.{code}", failure.response["Error"]["Message"]) from failure
    except (BotoCoreError, TypeError) as failure:
        raise stepfunctions._ExecutionError(f"{prefix}.SdkClientException", str(failure)) from failure
    answer.pop("ResponseMetadata", None)
    return answer


def _plain(value: Any, milliseconds: bool = True) -> Any:
    """An answer as JSON: optimised integrations write instants as epoch milliseconds."""
    if isinstance(value, Mapping):
        return {key: _plain(item, milliseconds) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, milliseconds) for item in value]
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000) if milliseconds else value.timestamp()
    if hasattr(value, "read"):
        return value.read().decode("utf-8", "replace")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
