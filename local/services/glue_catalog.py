"""Changes of Glue's catalog from inside, in the name of whoever works."""

from __future__ import annotations

from typing import Any

from botocore import xform_name
from ministack.services import glue

from local.permissions import recorder

HOOKS = {
    "ministack.services.glue._batch_create_partition": "(data)",
    "ministack.services.glue._create_database": "(data)",
    "ministack.services.glue._create_partition": "(data)",
    "ministack.services.glue._create_table": "(data)",
    "ministack.services.glue._delete_database": "(data)",
    "ministack.services.glue._delete_partition": "(data)",
    "ministack.services.glue._delete_table": "(data)",
    "ministack.services.glue._update_table": "(data)",
}


def change(operation: str, **request: Any) -> Any:
    """The answer of an operation of the API, such as `CreateTable`: status, headers, body."""
    recorder.asks_by_request("glue", operation, request)
    return getattr(glue, f"_{xform_name(operation)}")(request)
