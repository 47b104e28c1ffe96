"""Card numbers become tokens before anything is written."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets

import pyarrow as pa

from datasets.cells import Unexpected, text
from features.values import ROUNDED

KEY_VARIABLE = "DATASET_TOKEN_KEY"
# Without a key of the caller's, one that is forgotten when the run ends. A plain hash would not do: there are few
# enough card numbers to hash them all and look the tokens up. An option would not do either: it shows in `ps`.
FORGOTTEN = secrets.token_bytes(32)


def token(cells: pa.Array) -> pa.Array:
    """Keyed hashes (HMAC-SHA256, 128 bits) of cells. The same key gives the same tokens in every run.

    Raises Unexpected.
    """
    key = os.environ.get(KEY_VARIABLE, "").encode() or FORGOTTEN
    known: dict[str, str] = {}
    if rounded := [word for word in text(cells).unique().to_pylist() if word and re.match(ROUNDED, word)]:
        raise Unexpected(
            f"expected digits, found {len(rounded)} different numbers that a spreadsheet has rounded, so that many "
            "cards would become one token; take the publisher's own file"
        )
    for word in text(cells).unique().to_pylist():
        if word is not None:
            digits = "".join(c for c in word if c.isalnum())  # 4111-1111... and 4111 1111... are one card
            known[word] = "card_" + hmac.new(key, digits.encode(), hashlib.sha256).hexdigest()[:32]
    return pa.array([known.get(word) for word in text(cells).to_pylist()], pa.string())
