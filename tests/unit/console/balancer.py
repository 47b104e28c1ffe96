"""A load balancer's tokens, signed with real keys of the curve that it uses."""

from __future__ import annotations

import base64
import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from console.signed_in import SignOn, Verifier

NOW = 1_800_000_000.0
KID = "0a1b2c3d-0000-1111-2222-333344445555"
SIGNER = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/risk-dev-console/50dc6c495c0c9188"
OF = SignOn(
    SIGNER,
    "https://login.bank.example",
    "console",
    "groups",
    {"reader": "risk-readers", "reviewer": "risk-reviewers", "policy-owner": "risk-owners"},
    {"reviewer": "arn:aws:iam::111122223333:role/r", "policy-owner": "arn:aws:iam::111122223333:role/p"},
)
HEADER = {"alg": "ES256", "kid": KID, "signer": SIGNER, "iss": OF.issuer, "client": OF.client, "exp": NOW + 120}
CLAIMS = {"sub": "ada", "groups": ["risk-reviewers"]}


class Balancer:
    """One key; `asked` counts how often it was fetched."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.private = ec.generate_private_key(curve or ec.SECP256R1())
        self.asked: list[tuple[str, str]] = []

    def fetch(self, region: str, kid: str) -> str:
        self.asked.append((region, kid))
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def token(self, header: dict | None = None, claims: dict | None = None, padded: bool = True) -> str:
        parts = [written(json.dumps(told).encode(), padded) for told in (HEADER | (header or {}), claims or CLAIMS)]
        made = self.private.sign(".".join(parts).encode(), ec.ECDSA(SHA256()))
        r, s = decode_dss_signature(made)
        size = (self.private.key_size + 7) // 8
        return ".".join([*parts, written(r.to_bytes(size, "big") + s.to_bytes(size, "big"), padded)])

    def verifier(self, of: SignOn = OF, now: float = NOW) -> Verifier:
        return Verifier(of, self.fetch, lambda: now)


def written(body: bytes, padded: bool = True) -> str:
    text = base64.urlsafe_b64encode(body).decode()
    return text if padded else text.rstrip("=")
