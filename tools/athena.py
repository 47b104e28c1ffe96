"""Questions to Athena in the analysts' workgroup, answered as rows of text."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 900

# The log may hold several decisions on a payment: the first in this order is the last, which was applied. A state only
# grows, so of two of one instant the one that was overtaken came later.
LAST_FIRST = "decided_at DESC, counted_at DESC, overtaken DESC"


class QueryFailed(RuntimeError):
    """Athena did not answer; the text has its reason and the query."""


@dataclass(frozen=True)
class Analysts:
    """The platform's databases, one for each zone, as the analysts' workgroup may query them."""

    athena: Any
    prefix: str
    workgroup: str
    poll_seconds: float = POLL_SECONDS

    @property
    def databases(self) -> str:
        """How the databases' names begin."""
        return self.prefix.replace("-", "_")

    def ask(self, zone: str, sql: str) -> list[dict[str, str]]:
        """The query's rows by column name; what is null is an empty text. Raises QueryFailed."""
        started = self.athena.start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": f"{self.databases}_{zone}"}, WorkGroup=self.workgroup
        )["QueryExecutionId"]
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            status = self.athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            if time.monotonic() > until:
                raise QueryFailed(f"Athena: no answer within {PATIENCE_SECONDS} s to {sql}")
            time.sleep(self.poll_seconds)
        if status["State"] != "SUCCEEDED":
            raise QueryFailed(f"Athena: {status.get('StateChangeReason')} in {sql}")
        found = [
            [cell.get("VarCharValue", "") for cell in row["Data"]]
            for page in self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=started)
            for row in page["ResultSet"]["Rows"]
        ]
        return [dict(zip(found[0], row, strict=True)) for row in found[1:]]


def text(value: str) -> str:
    """A text as SQL spells it."""
    return "'" + value.replace("'", "''") + "'"
