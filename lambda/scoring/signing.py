"""The API door signs what it hands on, and the stream door believes no other decision.

Whoever may put a record on the stream could let a decision of his own come with a payment. So the API door has KMS make
a key, once per container, and authenticates each event with it (HMAC-SHA-256, RFC 2104). The event carries the key as
KMS has encrypted it: of all roles only the stream door may have it decrypted, and only the API door may have one made.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from scoring.breaker import Breaker
from scoring.refusals import code_of

CONTEXT = {"purpose": "decisions"}
KEYS = 1_000  # containers of the API door that are known at once
# What KMS says of a text that it has not encrypted with this key.
FORGED = frozenset({"InvalidCiphertextException", "IncorrectKeyException", "ValidationException"})


class Signer:
    """The API door's side. `client` is KMS's."""

    def __init__(self, client: Any, key: str, breaker: Breaker | None = None) -> None:
        self.client, self.key = client, key
        self.breaker = breaker or Breaker()
        self.secret: tuple[str, bytes] | None = None  # as KMS has encrypted it, and plain

    def sign(self, event: dict) -> dict:
        """What goes along with an event. Any failure of KMS passes through to the caller."""
        if self.secret is None:
            made = self.breaker.call(
                lambda: self.client.generate_data_key(KeyId=self.key, KeySpec="AES_256", EncryptionContext=CONTEXT)
            )
            self.secret = base64.b64encode(made["CiphertextBlob"]).decode(), made["Plaintext"]
        name, secret = self.secret
        return {"key": name, "mac": mac(secret, event)}


class Verifier:
    """The stream door's side. `client` is KMS's."""

    def __init__(self, client: Any, key: str) -> None:
        self.client, self.key = client, key
        self.secrets: dict[str, bytes | None] = {}  # by the text that KMS has encrypted; none is not ours

    def is_signed(self, event: dict, signature: object) -> bool:
        """Whether the API door has signed the event. Any failure of KMS passes through to the caller."""
        if not isinstance(signature, dict):
            return False
        name, said = signature.get("key"), signature.get("mac")
        if not isinstance(name, str) or not isinstance(said, str) or not said.isascii():
            return False
        secret = self._secret(name)
        return secret is not None and hmac.compare_digest(mac(secret, event), said)

    def _secret(self, name: str) -> bytes | None:
        if name not in self.secrets:
            if len(self.secrets) >= KEYS:
                self.secrets.clear()
            self.secrets[name] = self._decrypted(name)
        return self.secrets[name]

    def _decrypted(self, name: str) -> bytes | None:
        try:
            blob = base64.b64decode(name, validate=True)
        except (binascii.Error, ValueError):
            return None
        if not blob:
            return None
        try:
            return self.client.decrypt(CiphertextBlob=blob, KeyId=self.key, EncryptionContext=CONTEXT)["Plaintext"]
        except Exception as refused:
            if code_of(refused) in FORGED:
                return None
            raise


def mac(secret: bytes, event: dict) -> str:
    """Of what the event says, however its JSON was spelt."""
    text = json.dumps(event, sort_keys=True, separators=(",", ":"))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
