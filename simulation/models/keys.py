"""KMS: one key. Assumed: it decrypts what it has encrypted, and says of anything else that it has not."""

from __future__ import annotations

import hashlib
from typing import Any

from simulation.models.service import Service, error
from simulation.scheduler import Scheduler


class Keys(Service):
    def __init__(self, scheduler: Scheduler, name: str) -> None:
        super().__init__(scheduler, name)
        self.made: dict[bytes, bytes] = {}

    def do_generate_data_key(self, **_: Any) -> dict:
        number = str(len(self.made)).encode()
        blob, secret = b"encrypted-" + number, hashlib.sha256(number).digest()
        self.made[blob] = secret
        return {"CiphertextBlob": blob, "Plaintext": secret}

    def do_decrypt(self, CiphertextBlob: bytes, **_: Any) -> dict:
        if CiphertextBlob not in self.made:
            raise error("InvalidCiphertextException", "Decrypt")
        return {"Plaintext": self.made[CiphertextBlob]}
