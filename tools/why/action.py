"""The action of a decision, computed again by the very policy that it was made under.

A decision's `policy_version` bears the beginning of the SHA-256 of each document that decided: `3@5f...+lists-2@0a...`.
The documents are kept in the lake under these.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from scoring.decision import WITHOUT_POLICY, seen_by_rules
from scoring.documents import BOOTSTRAP, NO_RULES, Kind, digest, judging, key_of, lists_in
from scoring.policy import InvalidPolicy, Policy

from features.payment import Payment
from features.vector import RULED

PROBLEM = "fraud"
NONE = "none"
SHA = re.compile(r".*@([0-9a-f]{12})", re.DOTALL)


class NotKept(LookupError):
    """The policy of a decision cannot be made again; the text says what is missing."""


@dataclass(frozen=True)
class Made:
    """A policy made again; none where none had been read. `taken_out` identifiers have been forgotten since."""

    policy: Policy | None
    taken_out: int = 0


@dataclass(frozen=True)
class Archive:
    """The kept documents in the lake's bucket."""

    s3: Any
    bucket: str

    def policy(self, version: str) -> Made:
        """The policy that bears the version. Raises NotKept."""
        if version == NONE:
            return Made(None)
        thresholds, ruled, kept = self._parts(version)
        policy = Policy.parse(judging(thresholds, ruled), RULED, kept.lists)
        return Made(policy, kept.taken_out)

    def _parts(self, version: str):
        """An operator's version may hold any letter, a plus as well: the hash tells where it begins."""
        first, plus, second = version.partition("+")
        thresholds = {**BOOTSTRAP} if first == BOOTSTRAP["version"] else self._shown("thresholds", first)
        if first != BOOTSTRAP["version"]:
            thresholds["version"] = first
        ruled = self._shown("rules", second) if plus else dict(NO_RULES)
        return thresholds, ruled, self._lists(ruled["lists"])

    def _shown(self, kind: Kind, version: str) -> dict[str, Any]:
        found = SHA.fullmatch(version)
        if found is None:
            raise NotKept(f"{version!r} names no kept document: it is older than the archive of policies")
        beginning = key_of(PROBLEM, kind, found[1])
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=beginning).get("Contents", [])
        for key in (item["Key"] for item in listed):
            body = self._body(key)
            if key != key_of(PROBLEM, kind, digest(body)):
                raise NotKept(f"{key} is not what its name says: somebody has written over it")
            return json.loads(body)
        raise NotKept(f"nothing is kept below {beginning}")

    def _lists(self, sha: str | None):
        """Lists lose entries when a customer is forgotten, and so their name's hash: what is taken out is counted."""
        if sha is None:
            return lists_in(b"")
        key = key_of(PROBLEM, "lists", sha)
        kept = lists_in(body := self._body(key))
        if kept.taken_out < 0 or (kept.taken_out == 0 and digest(body) != sha):
            raise NotKept(f"{key} is not what its name says: somebody has written over it")
        return kept

    def _body(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()


def judged_again(decision: dict[str, Any], payment: Payment, archive: Archive) -> tuple[bool, list[str]]:
    """Whether action and reasons are what the policy makes of the logged vector, score and traffic; and lines for a
    reader."""
    version = decision["policy_version"]
    try:
        made = archive.policy(version)
    except (NotKept, InvalidPolicy) as missing:
        return False, [f"action: cannot be computed again: {missing}"]
    values = seen_by_rules(payment, decision["vector"], decision["traffic"])
    score = decision["fraud_score"]
    # What a decision of before has not said it did not need: its policy looked nothing up.
    said = decision.get("listed")
    marks = None if said is None else frozenset(said)
    at = decision.get("decided_at")
    judged = made.policy.weigh(score, values, payment, at, marks) if made.policy else WITHOUT_POLICY
    action, reasons, without_effect = judged
    same = action == decision["action"] and f"[{', '.join(reasons)}]" == decision["reasons"]
    if decision.get("without_effect") is not None:
        same = same and f"[{', '.join(without_effect)}]" == decision["without_effect"]
    lines = [
        f"action: logged {decision['action']} {decision['reasons']}, by policy {version} {action} "
        f"[{', '.join(reasons)}]: {'equal' if same else 'DIFFERENT'}"
    ]
    lines += [f"  without effect: {one}" for one in without_effect]
    if made.taken_out:
        lines.append(f"  {made.taken_out} identifiers of its lists have been forgotten since")
    return same, lines
