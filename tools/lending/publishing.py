"""`make credit-policy`: a credit policy that `score-loans` and the loans' door decide by from now on.

It is held against what every policy must have, kept in the lake by the SHA-256 of its content, and named in the table
of policies as the successor of what was there. A version names one document for good. While the live policy says
`four_eyes`, whoever brings the next one proposes it, and somebody else makes it live.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scoring import documents
from scoring.policy import InvalidPolicy as Unusable

from lending.policy import InvalidPolicy, Policy
from tools.four_eyes import Brought, Versions

PROBLEM = "credit"
NONE: dict[str, Any] = {"version": None}
LARGEST = 262_144  # bytes of a policy as it is written: DynamoDB takes 400 KB for an item


@dataclass(frozen=True)
class Published:
    """Which policy decides, and which one did before; none where there was none."""

    version: str
    before: str | None


@dataclass(frozen=True)
class Publisher:
    """Clients of DynamoDB and S3, the operators' table, and the bucket that keeps documents. `now` gives seconds since
    1970."""

    dynamodb: Any
    s3: Any
    table: str
    lake: str
    now: Callable[[], float] = time.time

    def publish(self, policy: Policy, by: str) -> Published:
        """Raises Proposed where somebody else must make it live, InvalidPolicy for a version that is another policy's
        or that four eyes have to look at anew, and documents.Conflict."""
        if (size := len(policy.canonical)) > LARGEST:
            raise InvalidPolicy(f"the policy takes {size} bytes, expected at most {LARGEST}")
        before = documents.read(self.dynamodb, self.table, PROBLEM, NONE)
        earlier = documents.digest(documents.canonical(before.body))  # not parsed: it may be one that is none any more
        replaced = documents.versioned(str(before.body.get("version")), earlier) if before.number else None
        try:
            Brought.of(self.versions, policy.document["version"], policy.sha256, by).require(before.body)
        except Unusable as wrong:
            raise InvalidPolicy(str(wrong)) from None
        documents.keep(self.s3, self.lake, PROBLEM, "rules", policy.canonical)
        documents.write(self.dynamodb, self.table, PROBLEM, policy.document, before, sha256=policy.sha256)
        return Published(policy.version, replaced)

    @property
    def versions(self) -> Versions:
        return Versions(self.s3, self.lake, PROBLEM, self.now)
