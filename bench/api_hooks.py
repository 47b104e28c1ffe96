"""What Schemathesis loads: requests are signed for `execute-api`, as callers sign them."""

from __future__ import annotations

import os
from typing import Any

import botocore.session
import requests.auth
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

CREDENTIALS = botocore.session.get_session().get_credentials()
SIGNER = SigV4Auth(CREDENTIALS, "execute-api", os.environ["AWS_REGION"])


class Signed(requests.auth.AuthBase):
    def __call__(self, prepared: Any) -> Any:
        """Signs what is sent, byte for byte."""
        kept = {name: value for name, value in prepared.headers.items() if name.lower() in ("host", "content-type")}
        request = AWSRequest(prepared.method, prepared.url, data=prepared.body or b"", headers=kept)
        SIGNER.add_auth(request)
        prepared.headers.update(dict(request.headers.items()))
        return prepared


schemathesis.auth.set_from_requests(Signed())
