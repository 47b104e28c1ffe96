"""Many items of a DynamoDB table, as they are now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

READ = 100  # keys per BatchGetItem, the API's limit
PATIENCE = 4  # tries for what a call left undone


def items(ask: Callable[..., dict], table: str, keys: Sequence[dict], patience: int = PATIENCE) -> Iterator[dict]:
    """`ask` is BatchGetItem, which is asked `patience` times for what it has left; keys that name nothing give nothing.
    Raises RuntimeError for keys that were left unread, and what `ask` raises."""
    for start in range(0, len(keys), READ):
        asked = {table: {"Keys": keys[start : start + READ], "ConsistentRead": True}}
        for attempt in range(patience):
            if attempt:
                time.sleep(0.05 * 2 ** (attempt - 1))
            answer = ask(RequestItems=asked)
            yield from answer["Responses"].get(table, ())
            asked = answer.get("UnprocessedKeys") or {}
            if not asked:
                break
        else:
            raise RuntimeError(f"keys of {table} were left unread")
