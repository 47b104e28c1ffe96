"""Who asks a console that stands behind a load balancer: what the balancer says of whom it has signed in, and signed.

An Application Load Balancer puts `x-amzn-oidc-data` before each request: a token with the claims of the provider's user
info, signed (ES256) with a key of the balancer's region. Anybody who reaches the container can write such a header, and
anybody can have a balancer: so the signature is verified, and the signer must be the one balancer that there is
(AWS, "Authenticate users using an Application Load Balancer", section on user claims encoding and signature
verification).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

SIGN_ON = "CONSOLE_SIGN_ON"  # JSON: who signs people in, and what their groups may; absent where nobody is asked
HEADER = "x-amzn-oidc-data"
LONGEST = 32_768  # characters of a header; the balancer's own limit for claims is 11 KB
KEY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)  # what STS takes as the name of a session
HASHED = "sub-"
GROUP = "group"  # the tag of a session that says by which group somebody has its role
SIGNATURE = 64  # bytes: two numbers of 32
KEYS = 8  # that are held; the balancer changes its key now and then
WAIT = 3.0  # seconds for a key


class NotSignedIn(ValueError):
    """Nobody whom the balancer has signed in asks. The text says what is wrong, and nothing of the token."""


class NotAllowed(RuntimeError):
    """Who asks is known, and has no group that may."""


@dataclass(frozen=True)
class Person:
    """Who asks: the provider's subject, and groups."""

    subject: str
    groups: frozenset[str]

    @property
    def session(self) -> str:
        """The name of a session of theirs, which no other subject has: AWS shows it wherever they act."""
        if SESSION.fullmatch(self.subject) and not self.subject.startswith(HASHED):
            return self.subject
        return HASHED + hashlib.sha256(self.subject.encode()).hexdigest()[:56]


@dataclass(frozen=True)
class Taken:
    """A role that is taken for somebody: its ARN, the name of their session, and the group of theirs that has it. AWS
    lets the console take it under no other group, and under a name that stays (`terraform/modules/role`)."""

    arn: str
    session: str
    group: str

    def asked(self) -> dict[str, Any]:
        """As STS is asked for it."""
        tags = [{"Key": GROUP, "Value": self.group}]
        return {"RoleArn": self.arn, "RoleSessionName": self.session, "SourceIdentity": self.session, "Tags": tags}


@dataclass(frozen=True)
class SignOn:
    """The one balancer (`signer`, its ARN), the provider's `issuer` and `client`, the claim that has the groups, and by
    role for people the group whose members take it; `arns` by role, of those that the console takes for them."""

    signer: str
    issuer: str
    client: str
    groups_claim: str
    groups: Mapping[str, str]
    arns: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> SignOn:
        """Raises ValueError."""
        try:
            told = json.loads(text)
            found = cls(**told)
            texts = [found.signer, found.issuer, found.client, found.groups_claim]
            texts += [*found.groups.values(), *found.arns.values()]
        except (ValueError, TypeError, AttributeError) as wrong:
            raise ValueError(f"{SIGN_ON}: expected JSON with {', '.join(cls.__annotations__)}: {wrong}") from None
        if not all(isinstance(one, str) and one for one in texts) or not found.groups:
            raise ValueError(f"{SIGN_ON}: expected texts, and at least one group that may open the console")
        return found

    @property
    def region(self) -> str:
        return self.signer.split(":")[3]

    def require_member(self, person: Person) -> None:
        """Raises NotAllowed for who has no group of those that may open the console."""
        if not person.groups & set(self.groups.values()):
            raise NotAllowed("you are signed in, and in none of the groups that may open the console")

    def role(self, person: Person, among: tuple[str, ...]) -> Taken:
        """The first of these roles that the person has, and by which group. Raises NotAllowed."""
        for name in among:
            if name in self.arns and self.groups.get(name) in person.groups:
                return Taken(self.arns[name], person.session, self.groups[name])
        known = [self.groups[name] for name in among if name in self.arns and name in self.groups]
        asked = f"ask for one of the groups {', '.join(known)}" if known else "no group has the right for it here"
        raise NotAllowed(f"you may look, and not do this: {asked}")


def sign_on() -> SignOn | None:
    """Who signs people in; none where the console is its user's own. Raises ValueError."""
    told = os.environ.get(SIGN_ON)
    return None if told is None else SignOn.parse(told)


@dataclass
class Verifier:
    """`fetch` gives the PEM text of a region's key by its identifier, `now` seconds since 1970."""

    of: SignOn
    fetch: Callable[[str, str], str]
    now: Callable[[], float] = time.time
    keys: dict[str, EllipticCurvePublicKey] = field(default_factory=dict)

    def person(self, token: str | None, grace: float = 0.0) -> Person:
        """Whom the balancer has signed in. A token counts `grace` seconds beyond its end: it came with a connection
        that is open still.

        Raises NotSignedIn, and what `fetch` raises for a key that cannot be had.
        """
        if not token or len(token) > LONGEST:
            raise NotSignedIn("no token of the load balancer")
        parts = token.split(".")
        if len(parts) != 3:
            raise NotSignedIn("no token of three parts")
        header, claims = (self._object(part) for part in parts[:2])
        # Whose key it is, before anything is fetched: a key of another balancer verifies as well.
        expected = {"alg": "ES256", "signer": self.of.signer, "iss": self.of.issuer, "client": self.of.client}
        for name, value in expected.items():
            if header.get(name) != value:
                raise NotSignedIn(f"the token's {name} is another one")
        ends = header.get("exp")
        if not isinstance(ends, int | float) or isinstance(ends, bool) or ends + grace <= self.now():
            raise NotSignedIn("the token has ended")
        self._verify(header.get("kid"), f"{parts[0]}.{parts[1]}".encode(), decoded(parts[2]))
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject.strip():
            raise NotSignedIn("the token names nobody")
        return Person(subject, frozenset(groups_in(claims.get(self.of.groups_claim))))

    @staticmethod
    def _object(part: str) -> Mapping[str, Any]:
        try:
            found = json.loads(decoded(part))
        except (ValueError, RecursionError):
            raise NotSignedIn("the token is no JSON") from None
        if not isinstance(found, dict):
            raise NotSignedIn("the token is no JSON object")
        return found

    def _verify(self, kid: object, signed: bytes, signature: bytes) -> None:
        if not isinstance(kid, str) or not KEY_ID.fullmatch(kid):  # it becomes a part of an address
            raise NotSignedIn("the token names no key")
        if len(signature) != SIGNATURE:
            raise NotSignedIn("the token has no signature")
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        try:
            self._key(kid).verify(encode_dss_signature(r, s), signed, ECDSA(SHA256()))
        except InvalidSignature:
            raise NotSignedIn("the token's signature is not the balancer's") from None

    def _key(self, kid: str) -> EllipticCurvePublicKey:
        if (known := self.keys.get(kid)) is not None:
            return known
        try:
            key = load_pem_public_key(self.fetch(self.of.region, kid).encode())
        except (ValueError, UnsupportedAlgorithm):
            raise NotSignedIn("the token's key is none") from None
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
            raise NotSignedIn("the token's key is not of P-256")
        if len(self.keys) >= KEYS:
            self.keys.clear()
        self.keys[kid] = key
        return key


def decoded(part: str) -> bytes:
    """Base64 for addresses; the balancer writes the padding that tokens leave out. Raises NotSignedIn."""
    bare = part.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotSignedIn("the token is not written as one") from None


def groups_in(claim: object) -> list[str]:
    """Groups as providers tell them: a list, a list as JSON in a text, or one name."""
    if isinstance(claim, str) and claim.startswith("["):
        try:
            claim = json.loads(claim)
        except ValueError:
            return []
    if isinstance(claim, list):
        return [one for one in claim if isinstance(one, str) and one]
    return [claim] if isinstance(claim, str) and claim else []


def fetched(region: str, kid: str) -> str:
    """A public key of the region's load balancers. Raises httpx.HTTPError."""
    answer = httpx.get(f"https://public-keys.auth.elb.{region}.amazonaws.com/{kid}", timeout=WAIT)
    answer.raise_for_status()
    return answer.text
