"""`make credit-policy`: a credit policy that `score-loans` and the loans' door decide by from now on.

It is held against what every policy must have, kept in the lake by the SHA-256 of its content, and named in the table
of policies as the successor of what was there. A version names one document for good.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scoring import documents

from lending.policy import InvalidPolicy, Policy

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
        """Raises InvalidPolicy for a version that is another policy's, and documents.Conflict."""
        if (size := len(policy.canonical)) > LARGEST:
            raise InvalidPolicy(f"the policy takes {size} bytes, expected at most {LARGEST}")
        before = documents.read(self.dynamodb, self.table, PROBLEM, NONE)
        earlier = documents.digest(documents.canonical(before.body))  # not parsed: it may be one that is none any more
        replaced = documents.versioned(str(before.body.get("version")), earlier) if before.number else None
        self._claim(policy, by)
        documents.keep(self.s3, self.lake, PROBLEM, "rules", policy.canonical)
        documents.write(self.dynamodb, self.table, PROBLEM, policy.document, before, sha256=policy.sha256)
        return Published(policy.version, replaced)

    def _claim(self, policy: Policy, by: str) -> None:
        key = f"{documents.KEPT}{PROBLEM}/versions/{documents.digest(policy.document['version'].encode())}.json"
        claim = {"sha256": policy.sha256, "at": int(self.now()), "by": by}
        if documents.write_once(self.s3, self.lake, key, json.dumps(claim).encode()):
            return
        there = json.loads(self.s3.get_object(Bucket=self.lake, Key=key)["Body"].read())
        if there["sha256"] != policy.sha256:
            raise InvalidPolicy(
                f"version {policy.document['version']!r} is that of another policy: give this one its own"
            )
