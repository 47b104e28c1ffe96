"""What `make image` pushed, as outputs of a step: its name without a tag, its digest, and both in one."""

from __future__ import annotations

import re

BY_DIGEST = re.compile(r"^(?P<name>[a-z0-9][\w./:-]*?)(?::[\w.-]+)?@(?P<digest>sha256:[0-9a-f]{64})$")


class NotByDigest(ValueError):
    """An image is deployed by what it is, not by a tag that may mean something else tomorrow."""


def outputs(reference: str) -> str:
    """`name=...`, `digest=...` and `image=...`, a line each. Raises NotByDigest."""
    found = BY_DIGEST.match(reference.strip())
    if not found:
        raise NotByDigest(f"expected name@sha256:digest, got {reference.strip()!r}")
    name, digest = found["name"], found["digest"]
    return f"name={name}\ndigest={digest}\nimage={name}@{digest}"
