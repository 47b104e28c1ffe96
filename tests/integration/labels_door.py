"""The doors that share the decisions' API: labels, and entries of lists."""

from __future__ import annotations

import json

from botocore.awsrequest import AWSRequest

from tools.operate.platform import Platform


def told(platform: Platform, label: dict, path: str = "/labels", status: int = 202) -> dict:
    """What the door answers."""
    url, headers = platform.api
    url, body = url.replace("/decisions", path), json.dumps(label).encode()
    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json", **headers})
    platform.signer.add_auth(request)
    answer = platform.http.post(url, content=body, headers=dict(request.headers))
    assert answer.status_code == status, answer.text
    return answer.json()
