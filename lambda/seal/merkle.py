"""Merkle tree hash of RFC 6962, section 2.1 (Laurie, Langley, Kasper: Certificate Transparency, 2013).

Leaves and nodes are hashed with different first bytes, so that no node can be passed off as a leaf; a tree whose leaves
are no power of two is split at the largest one below, so that no leaf counts twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"


def root(leaves: Sequence[bytes]) -> str:
    """The tree hash of the leaves in their order, in hexadecimal. Without leaves, that of nothing."""
    return _hash([hashlib.sha256(LEAF + leaf).digest() for leaf in leaves]).hex()


def _hash(hashed: Sequence[bytes]) -> bytes:
    if not hashed:
        return hashlib.sha256().digest()
    if len(hashed) == 1:
        return hashed[0]
    split = 1 << (len(hashed) - 1).bit_length() - 1
    return hashlib.sha256(NODE + _hash(hashed[:split]) + _hash(hashed[split:])).digest()
