"""The policies that judge now, as a door knows them: read from the current documents and kept for half a minute."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from features.payment import Payment
from features.vector import RULED
from scoring.documents import NO_RULES, first_release, judging, key_of, lists_in, stored
from scoring.lists import Key, asked
from scoring.policy import InvalidPolicy, Listing, Policy

RELEASE_SECONDS = 30  # how old the known documents may be
PROBLEM = "fraud"


class NotTold(RuntimeError):
    """DynamoDB left the documents unread."""


@dataclass(frozen=True)
class Places:
    """The tables of the current documents, and the bucket that keeps lists."""

    releases: str
    policies: str
    lake: str


class Release:
    """The policies of a release: the released model's and, for as long as the endpoint changes over, that of the model
    which served before. Thresholds are solved for one model's scores; rules are the operators', whichever answers."""

    def __init__(self, dynamodb: Any, s3: Any, places: Places, clock: Callable[[], float] = time.monotonic) -> None:
        self.dynamodb = dynamodb
        self.s3 = s3
        self.places = places
        self.clock = clock
        self.read_at = float("-inf")
        self.read_for: str | None = None
        self.numbers: tuple[int, int] | None = None  # of the documents that are known
        self.known: list[Policy] = []

    def policy(self, model: str | None) -> Policy:
        """The policy of the model that has answered; of one that the release does not know, or none, the newest.

        Keeps the last known policies when DynamoDB does not answer or holds no usable ones: an old policy beats none.
        """
        if self.clock() - self.read_at > RELEASE_SECONDS or not self.known or self._is_news(model):
            self._read()
            self.read_at, self.read_for = self.clock(), model
        return next((policy for policy in self.known if policy.model == model), self.known[0])

    def policy_or_none(self, model: str | None) -> Policy | None:
        """None when none was ever read: then a person decides."""
        try:
            return self.policy(model)
        except Exception as failed:
            print(json.dumps({"level": "ERROR", "message": "no policy was ever read", "error": type(failed).__name__}))
            return None

    def asked(self, payment: Payment) -> list[Key]:
        """What the policies that are known now, however old, must know of a payment."""
        return list(dict.fromkeys(key for policy in self.known for key in asked(policy, payment)))

    def _is_news(self, model: str | None) -> bool:
        """A model that answers for the first time may have been released since the last look. One look will do."""
        return model not in (None, self.read_for, *(policy.model for policy in self.known))

    def _read(self) -> None:
        try:
            release, ruled = self._documents()
            if (release.number, ruled.number) == self.numbers:
                return
            lists = self._lists(ruled.body["lists"])
            self.known = policies(release.body, ruled.body, lists)
            self.numbers = release.number, ruled.number
        except Exception as failed:
            if not self.known:
                raise
            print(json.dumps({"level": "ERROR", "message": "the policy is the last known", "error": repr(failed)}))

    def _documents(self):
        """Both in one request."""
        absent = {self.places.releases: first_release(PROBLEM), self.places.policies: NO_RULES}
        wanted = {"Keys": [{"problem": {"S": PROBLEM}}], "ConsistentRead": True}
        answer = self.dynamodb.batch_get_item(RequestItems=dict.fromkeys(absent, wanted))
        if answer.get("UnprocessedKeys"):
            raise NotTold("throttled")
        found = answer["Responses"]
        return [stored(next(iter(found.get(table, ())), None), nothing) for table, nothing in absent.items()]

    def _lists(self, sha: str | None) -> Mapping[str, Listing]:
        """Read only when a document has changed."""
        if sha is None:
            return {}
        key = key_of(PROBLEM, "lists", sha)
        return lists_in(self.s3.get_object(Bucket=self.places.lake, Key=key)["Body"].read()).lists


def policies(release: Mapping[str, Any], ruled: Mapping[str, Any], lists: Mapping[str, Listing]) -> list[Policy]:
    """Of the released model first. Raises InvalidPolicy."""
    if not isinstance(release["policy"], Mapping):
        raise InvalidPolicy("the release has no policy")
    solved = [release["policy"], *filter(None, [release.get("earlier_policy")])]
    return [Policy.parse(judging(thresholds, ruled), RULED, lists) for thresholds in solved]
