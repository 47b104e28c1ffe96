"""Who asks, as API Gateway found it: whoever signed the request, or whom its token names."""

from __future__ import annotations

import re
from collections.abc import Mapping

# A token's subject becomes a part of items and lines: letters that need no escape there.
SUBJECT = r"[A-Za-z0-9_@.|:+=/-]{1,200}"


def caller_of(event: Mapping) -> str | None:
    """The signer's ARN, or `jwt:` and the token's subject; none where nobody can be named. No body says so."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    if signer := (authorizer.get("iam") or {}).get("userArn"):
        return signer
    subject = ((authorizer.get("jwt") or {}).get("claims") or {}).get("sub")
    named = isinstance(subject, str) and re.fullmatch(SUBJECT, subject)
    return f"jwt:{subject}" if named else None
