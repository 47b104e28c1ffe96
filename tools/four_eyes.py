"""Four eyes: where the live policy asks for it, whoever brings the next one proposes it, and another makes it live.

A version names one document for good; who brought it first, and when, is written beside it, once. A proposal counts
once and for 30 days: what has been live is looked at by two people again, under a new version. Policies of both
problems are brought so. Who somebody is says the name of their session, or of their user, whatever the role: whoever
may choose that name, or has two, can still be two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scoring import documents
from scoring.policy import InvalidPolicy

DAY = 86_400
PROPOSED_FOR = 30 * DAY  # seconds
ANEW = "under four eyes a document is looked at anew each time; give it a new version"
PERSON = re.compile(
    r"arn:[^:]+:(?:sts::[^:]*:(?:assumed-role/.*|federated-user)|iam::[^:]*:user(?:/.*)?)/([^/]+)", re.DOTALL
)


class Proposed(Exception):
    """The document waits for somebody else; `by` brought it."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


@dataclass(frozen=True)
class Claim:
    """Who brought a version first, and when (seconds since 1970); none where that was not written down."""

    by: str | None
    at: int | None


@dataclass(frozen=True)
class Versions:
    """What a problem's policies were called. `s3` is a client, `lake` the bucket; `now` gives seconds since 1970."""

    s3: Any
    lake: str
    problem: str
    now: Callable[[], float]

    def claim(self, version: str, sha: str, by: str | None) -> Claim:
        """Gives a version to the document of a SHA-256; returns who brought it first. Raises InvalidPolicy."""
        claimed: dict[str, Any] = {"sha256": sha, "at": int(self.now())} | ({"by": by} if by else {})
        if not self._write_once(version, "", claimed):
            key = version_key(self.problem, version)
            claimed = json.loads(self.s3.get_object(Bucket=self.lake, Key=key)["Body"].read())
        if claimed["sha256"] != sha:
            raise InvalidPolicy(f"version {version!r} is that of another policy: give this one its own")
        return Claim(claimed.get("by"), claimed.get("at"))

    def spend(self, version: str) -> bool:
        """Marks that a version goes live. Whether it is the first time: what was agreed to counts once. It is marked
        before it is live, so that no interruption leaves what has been live unmarked."""
        return self._write_once(version, ".live", {"at": int(self.now())})

    def _write_once(self, version: str, mark: str, told: Mapping[str, Any]) -> bool:
        return documents.write_once(
            self.s3, self.lake, version_key(self.problem, version, mark), json.dumps(told).encode()
        )


@dataclass
class Brought:
    """A version that `by` brings. It is asked before each writing, for another policy may be live by then."""

    versions: Versions
    version: str
    claim: Claim
    by: str | None
    spent: bool | None = field(default=None, init=False)

    @classmethod
    def of(cls, versions: Versions, version: str, sha: str, by: str | None) -> Brought:
        """Raises InvalidPolicy for a version that is another document's."""
        return cls(versions, version, versions.claim(version, sha, by), by)

    def require(self, live: Mapping[str, Any]) -> None:
        """`live` is the document that decides now. Raises Proposed where somebody else must make this one live, and
        InvalidPolicy where nobody can."""
        if live.get("four_eyes"):
            require_open(self.claim, self.version, live, self.versions.now())
            if self.by is None or person(self.by) == person(str(self.claim.by)):
                raise Proposed(str(self.claim.by))
        if self.spent is None:
            self.spent = not self.versions.spend(self.version)
        if self.spent and live.get("four_eyes"):
            raise InvalidPolicy(used_up(self.version))


def person(arn: str) -> str:
    """Of a caller's ARN the name of the session or of the user, in small letters: the same in every role and account.
    Any other caller is what its ARN says."""
    named = PERSON.fullmatch(arn)
    return (named[1] if named else arn).casefold()


def require_open(claim: Claim, version: str, live: Mapping[str, Any], now: float) -> None:
    """Raises InvalidPolicy where a proposal counts no more: nobody could make it live."""
    if claim.by is None or claim.at is None:
        raise InvalidPolicy(f"version {version!r} was brought without writing down by whom and when: {ANEW}")
    if version == live["version"]:
        raise InvalidPolicy(used_up(version))
    if now - claim.at > PROPOSED_FOR:
        raise InvalidPolicy(f"version {version!r} was proposed more than {PROPOSED_FOR // DAY} days ago: {ANEW}")


def used_up(version: str) -> str:
    return f"version {version!r} has been live before: {ANEW}"


def version_key(problem: str, version: str, mark: str = "") -> str:
    return f"{documents.KEPT}{problem}/versions/{documents.digest(version.encode())}{mark}.json"
