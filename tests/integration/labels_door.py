"""The labels door, which shares the decisions' API."""

from __future__ import annotations

import json

from botocore.awsrequest import AWSRequest

from tools.operate.platform import Platform


def told(platform: Platform, label: dict) -> dict:
    """What the door answers."""
    url, headers = platform.api
    url, body = url.replace("/decisions", "/labels"), json.dumps(label).encode()
    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json", **headers})
    platform.signer.add_auth(request)
    answer = platform.http.post(url, content=body, headers=dict(request.headers))
    assert answer.status_code == 202, answer.text
    return answer.json()
