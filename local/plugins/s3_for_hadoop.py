"""Hadoop's S3A renames by copying, and names the source's KMS key in the copy.

Its SDK refuses to send a key's name without TLS, and there is no TLS on loopback. So Hadoop alone does not see how an
object is encrypted: it then copies under the bucket's default encryption, which is the same.
"""

from __future__ import annotations

from ministack.services import s3

from local.settings import Settings

HOOKS = {
    "ministack.services.s3.handle_request": (
        "(method: str, path: str, headers: dict, body: bytes, query_params: dict, signed_path: str | None = None, "
        "enforce_bucket_region: bool = True, internal: bool = False, access_point_region: str | None = None, "
        "access_point: dict | None = None) -> tuple"
    ),
}
ENCRYPTION = ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id")


def install(settings: Settings) -> None:
    answer = s3.handle_request

    async def handle_request(method, path, headers, body, query_params, *rest, **named):
        status, answered, content = await answer(method, path, headers, body, query_params, *rest, **named)
        if "Hadoop" in headers.get("user-agent", ""):
            answered = {name: value for name, value in answered.items() if name.lower() not in ENCRYPTION}
        return status, answered, content

    s3.handle_request = handle_request
