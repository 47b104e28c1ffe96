"""The API Gateway of the local AWS: who is let in, by signature or token, and how often."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from client import Api, Token
from client.errors import NotAllowed, Throttled

SAYS_WHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "application/json"},
            "body": json.dumps(event["requestContext"].get("authorizer") or {})}
"""


def in_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Somebody who issues tokens: his key is found below his address."""

    def __init__(self) -> None:
        self.key, told = rsa.generate_private_key(65537, 2048), self
        numbers = self.key.public_key().public_numbers()
        n, e = (in_base64(i.to_bytes((i.bit_length() + 7) // 8, "big")) for i in (numbers.n, numbers.e))
        keys = {"keys": [{"kid": "k1", "kty": "RSA", "alg": "RS256", "n": n, "e": e}]}

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = keys if self.path.endswith("/jwks.json") else {"jwks_uri": f"{told.url}/jwks.json"}
                body = json.dumps(found).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def token(self, key: Any = None, header: dict | None = None, **other: Any) -> str:
        """A token that the route takes, but for what is otherwise."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": "decisions", "sub": "shop-7", "exp": now + 600, "scope": "read decide"}
        claims = {name: value for name, value in {**claims, **other}.items() if value is not None}
        parts = [header or {"alg": "RS256", "kid": "k1"}, claims]
        signed = ".".join(in_base64(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{in_base64((key or self.key).sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    found = Issuer()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def url(aws, issuer) -> str:
    """An API with a route for tokens, one for signatures, and one that takes two requests."""
    gateway, functions = aws.client("apigatewayv2"), aws.client("lambda")
    function = aws.function(SAYS_WHO)
    arn = functions.get_function_configuration(FunctionName=function)["FunctionArn"]
    functions.add_permission(
        FunctionName=function, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    api = gateway.create_api(Name=aws.name("api"), ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    authorizer = gateway.create_authorizer(
        ApiId=api,
        Name="tokens",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer.url, "Audience": ["decisions"]},
    )["AuthorizerId"]
    by_token = {"AuthorizationType": "JWT", "AuthorizerId": authorizer, "AuthorizationScopes": ["decide"]}
    for route, how in {
        "GET /v1/openapi.json": by_token,
        "POST /v1/cases/{id}/claim": {"AuthorizationType": "AWS_IAM"},
        "POST /v1/cases/next": by_token,
    }.items():
        gateway.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}", **how)
    gateway.create_stage(
        ApiId=api,
        StageName="$default",
        AutoDeploy=True,
        DefaultRouteSettings={"ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 500},
        # One more comes in a day and a half.
        RouteSettings={"POST /v1/cases/next": {"ThrottlingRateLimit": 0.00001, "ThrottlingBurstLimit": 2}},
    )
    return f"http://{api}.execute-api.localhost:{urlsplit(aws.endpoint_url).port}/v1"


def asking(aws, url: str, token: str, **how: Any) -> Api:
    return Api(url, Token(token), connect_to=aws.endpoint_url, **how)


def test_a_token_of_the_issuer_for_the_audience_with_the_scope_is_taken_and_says_who_asks(aws, url, issuer):
    told: Any = asking(aws, url, issuer.token()).document()
    assert told["jwt"]["claims"]["sub"] == "shop-7"
    assert set(told["jwt"]["scopes"]) == {"read", "decide"}


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"iss": "http://127.0.0.1:1"}, 401),
        ({"aud": "loans"}, 401),
        ({"aud": None}, 401),
        ({"exp": 1_700_000_000}, 401),
        ({"exp": None}, 401),
        ({"nbf": 32_503_680_000}, 401),
        ({"scope": "read"}, 403),
        ({"scope": None}, 403),
        ({"header": {"alg": "RS256", "kid": "k2"}}, 401),
        ({"key": rsa.generate_private_key(65537, 2048)}, 401),
    ],
    ids=lambda value: str(value)[:40],
)
def test_any_other_token_is_refused(aws, url, issuer, other, status):
    with pytest.raises(NotAllowed) as raised:
        asking(aws, url, issuer.token(**other)).document()
    assert raised.value.status == status


def test_an_authorizer_of_tokens_comes_back_as_it_was_made(aws, url, issuer):
    api = urlsplit(url).netloc.partition(".")[0]
    (found,) = aws.client("apigatewayv2").get_authorizers(ApiId=api)["Items"]
    assert found.pop("AuthorizerId")
    assert found == {
        "Name": "tokens",
        "AuthorizerType": "JWT",
        "IdentitySource": ["$request.header.Authorization"],
        "JwtConfiguration": {"Issuer": issuer.url, "Audience": ["decisions"]},
    }


def test_what_is_deleted_of_a_stage_leaves_the_stage(aws):
    gateway, limit = aws.client("apigatewayv2"), {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1}
    api = gateway.create_api(Name=aws.name("api"), ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(
        ApiId=api,
        StageName="$default",
        RouteSettings={"POST /v1/labels": limit, "POST /v1/lists": limit},
        AccessLogSettings={"DestinationArn": "arn:aws:logs:eu-west-1:000000000000:log-group:x", "Format": "x"},
    )
    gateway.delete_route_settings(ApiId=api, StageName="$default", RouteKey="POST /v1/labels")
    gateway.delete_access_log_settings(ApiId=api, StageName="$default")
    left = gateway.get_stage(ApiId=api, StageName="$default")
    assert left["RouteSettings"] == {"POST /v1/lists": limit}
    assert "AccessLogSettings" not in left
    with pytest.raises(gateway.exceptions.NotFoundException):
        gateway.delete_route_settings(ApiId=api, StageName="other", RouteKey="POST /v1/labels")


def test_a_token_whose_claims_were_changed_is_refused(aws, url, issuer):
    header, _, signature = issuer.token().split(".")
    _, claims, _ = issuer.token(sub="shop-8").split(".")
    with pytest.raises(NotAllowed):
        asking(aws, url, f"{header}.{claims}.{signature}").document()


@pytest.mark.parametrize("authorization", [None, "Bearer x", "Basic eDp4", "AWS4-HMAC-SHA256 nonsense"])
def test_a_route_for_signatures_refuses_what_is_none(aws, url, authorization):
    headers = {"host": urlsplit(url).netloc} | ({"authorization": authorization} if authorization else {})
    answer = httpx.post(f"{aws.endpoint_url}/v1/cases/c1/claim", headers=headers)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_a_signature_for_another_service_is_none_for_the_api(aws, url):
    def asked(service: str) -> int:
        where = f"{aws.endpoint_url}/v1/cases/c1/claim"
        request = AWSRequest("POST", where, headers={"host": urlsplit(url).netloc})
        SigV4Auth(Credentials("test", "test"), service, aws.aws.region).add_auth(request)
        return httpx.post(where, headers=dict(request.headers)).status_code

    assert (asked("execute-api"), asked("s3")) == (200, 403)


def test_an_identifier_that_breaks_a_line_reaches_the_function(aws, url):
    where = f"{aws.endpoint_url}/v1/cases/a%0Ab/claim"
    request = AWSRequest("POST", where, headers={"host": urlsplit(url).netloc})
    SigV4Auth(Credentials("test", "test"), "execute-api", aws.aws.region).add_auth(request)
    assert httpx.post(where, headers=dict(request.headers)).status_code == 200


def test_a_route_takes_no_more_than_its_own_limit_and_the_others_go_on(aws, url, issuer):
    api = asking(aws, url, issuer.token(), tries=1)
    api.next_case()
    api.next_case()
    with pytest.raises(Throttled, match="429 Too Many Requests"):
        api.next_case()
    assert api.document()
