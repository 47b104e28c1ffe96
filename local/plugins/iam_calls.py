"""A request that its role's policies do not allow is refused as AWS refuses it, before it has any effect.

A function, a job or a container has the credentials of its role, so its requests say who they are. The account's own
keys may do everything, and so may a role that IAM does not have. Every call is recorded, whether it is refused or not.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any
from urllib.parse import parse_qs, quote

from ministack import app
from ministack.core import iam_actions
from ministack.core.arn import execute_api_arn
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.core.sigv4 import parse_header_signature
from ministack.services import sts

from local.permissions import calls, denied, recorder, roles
from local.permissions.calls import Call, Place, Request
from local.permissions.ledger import Refusal
from local.plugins.iam_services import IN_A_PATH
from local.settings import ENFORCED, Settings

HOOKS = {
    "ministack.app.SERVICE_HANDLERS": None,
    "ministack.app._enforce_execute_api": (
        "(api_id: str, stage: str, method: str, execute_path: str, headers: dict, query_params: dict, "
        "iam_action: str = 'execute-api:Invoke')"
    ),
    "ministack.app._execute_api_authorization_type": (
        "(api_id: str, stage: str, method: str, execute_path: str) -> str | None"
    ),
    "ministack.app._routing_params": "(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> dict",
    "ministack.core.arn.execute_api_arn": None,
    "ministack.core.iam_actions.access_denied_response": (
        "(service: str, action: str, principal_arn: str, request_id: str, *, error_code: str = '', message: str = '', "
        "headers: dict | None = None, resource_arn: str = '*', explicit_deny: bool = False, "
        "resource_policy_arn: str = '') -> tuple"
    ),
    "ministack.core.responses.get_account_id": "() -> str",
    "ministack.core.responses.get_region": "() -> str",
    "ministack.core.router.extract_access_key_id": "(headers: dict, query_params=None) -> str",
    "ministack.core.sigv4.parse_header_signature": (
        "(headers: collections.abc.Mapping[str, typing.Any]) -> ministack.core.sigv4.HeaderSignature | tuple[str, str]"
    ),
    "ministack.services.sts._sessions": None,
}

# Reads and writes other services in the name of whoever asks.
FOR_ITS_CALLER = {"athena"}
# Requests after which roles may do other things than before.
CHANGING = {"iam", "kms", "s3", "sqs", "sns", "lambda", "kinesis", "secretsmanager"}
OF_QUEUES_AND_TOPICS = {
    "AddPermission", "RemovePermission", "CreateQueue", "CreateTopic", "SetQueueAttributes", "SetTopicAttributes",
}  # fmt: skip
logger = logging.getLogger("local")


def install(settings: Settings) -> None:
    """Last of the plug-ins: the handlers that it stands before are then all there."""
    recorder.install(settings.region, settings.permissions_file, settings.permissions == ENFORCED)
    for service, handler in app.SERVICE_HANDLERS.items():
        app.SERVICE_HANDLERS[service] = _guarding(service, handler)
    app._enforce_execute_api = _opening(app._enforce_execute_api)


def close() -> None:
    recorder.close()


def _guarding(service: str, handle: Any) -> Any:
    async def handle_if_allowed(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Any:
        key = extract_access_key_id(headers, query_params)
        role = roles.of_key(key) if key in sts._sessions else roles.acting()
        if role and (refused := _refused(role, service, method, path, headers, body, query_params)):
            who = sts._sessions[key]["Arn"] if key in sts._sessions else roles.session_of(role)
            return refusal(service, method, headers, who, refused)
        with roles.acting_as(role if service in FOR_ITS_CALLER else roles.acting()):
            answer = await handle(method, path, headers, body, query_params)
        if service in CHANGING and _changes(service, method, path, headers, body, query_params):
            recorder.forget()
        return answer

    return handle_if_allowed


def _opening(enforce: Any) -> Any:
    """A route that asks for IAM answers whoever may invoke it. Who has no role is the account, and may."""

    def enforce_execute_api(
        api_id: str, stage: str, method: str, path: str, headers: dict, query_params: dict, *more: Any, **named: Any
    ) -> Any:
        if app._execute_api_authorization_type(api_id, stage, method, path) != "AWS_IAM":
            return enforce(api_id, stage, method, path, headers, query_params, *more, **named)
        if not is_signed(headers, query_params):
            return 403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}'
        role = roles.of_key(extract_access_key_id(headers, query_params))
        if role:
            sent = quote(path, safe=IN_A_PATH)
            route = execute_api_arn(get_region(), get_account_id(), api_id, stage, method, sent)
            if recorder.note(role, [Call("execute-api:Invoke", route)]):
                return 403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}'
        return enforce(api_id, stage, method, path, headers, query_params, *more, **named)

    return enforce_execute_api


def is_signed(headers: dict, query_params: dict) -> bool:
    """Whether it bears a signature (Version 4) for `execute-api`, in its header or its query. Whether that is the right
    one is not computed."""
    if "X-Amz-Signature" in query_params:
        return True
    if not headers.get("authorization", "").startswith("AWS4-"):
        return False
    found = parse_header_signature(headers)
    return not isinstance(found, tuple) and found.service == "execute-api"


def _refused(
    role: str, service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict
) -> Refusal | None:
    try:
        params = app._routing_params(method, path, headers, body, query_params)
        request = Request(service, method, path, headers, body, params)
        asked = calls.asked(request, Place(get_region(), get_account_id()))
    except Exception:
        logger.exception("what %s %s %s asks could not be told", service, method, path)
        asked = [Call("", "")]
    return recorder.note(role, asked)


def refusal(service: str, method: str, headers: dict, who: str, refused: Refusal) -> tuple[int, dict, bytes]:
    """The answer in the protocol of the service and of the request."""
    said = denied.message(who, refused)
    logger.warning("%s", said)
    status, given, body = iam_actions.access_denied_response(
        service,
        refused.call.action,
        who,
        str(uuid.uuid4()),
        message=said,
        headers=headers,
        resource_arn=refused.call.resource or "*",
        explicit_deny="explicit deny" in refused.because,
    )
    return status, given, b"" if method == "HEAD" else body


def _changes(service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict) -> bool:
    if service == "s3":
        return method in ("PUT", "DELETE") and bool({"policy", "encryption"} & set(query_params))
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "kms":
        return target in ("PutKeyPolicy", "CreateKey", "CreateAlias", "UpdateAlias")
    if service in ("kinesis", "secretsmanager"):
        return target.endswith("ResourcePolicy") and not target.startswith("Get")
    if service == "lambda":
        return "/policy" in path and method in ("POST", "DELETE")
    if service in ("sqs", "sns"):
        asked = target or parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
        return asked in OF_QUEUES_AND_TOPICS
    return not body.startswith((b"Action=Get", b"Action=List"))
