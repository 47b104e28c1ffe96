"""`python -m console.served`: the console in its container, behind a load balancer that signs people in.

It listens to others than this machine, so it starts only where it is told who signs people in. What the balancer sends
is encrypted with a certificate that is made at each start: the balancer asks for encryption, and not for a name.
"""

from __future__ import annotations

import ipaddress
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from console.signed_in import SIGN_ON, sign_on
from console.source import OUTPUTS

EVERY_ADDRESS = str(ipaddress.IPv4Address(0))  # of the container, whose security group lets the balancer in alone
PORT = 8501
LASTS = timedelta(days=365)  # a task that lives longer is replaced by then


def main() -> int:
    try:
        behind = sign_on()
    except ValueError as wrong:
        raise SystemExit(f"console: {wrong}") from None
    if behind is None:
        raise SystemExit(
            f"console: expected {SIGN_ON}, who signs people in: without it anybody who reaches the container would see "
            "everything. On a machine of your own: make console"
        )
    if OUTPUTS not in os.environ:
        raise SystemExit(f"console: expected {OUTPUTS}, the platform's outputs as JSON")
    from console.app import app  # reads both

    with tempfile.TemporaryDirectory(prefix="console-") as folder:
        key, certificate = made(Path(folder))
        print(f"console: port {PORT}, for who is signed in by {behind.signer}", flush=True)
        uvicorn.run(
            app,
            host=EVERY_ADDRESS,
            port=PORT,
            ssl_keyfile=str(key),
            ssl_certfile=str(certificate),
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
    return 0


def made(folder: Path) -> tuple[Path, Path]:
    """A key and its certificate, by themselves, in files of this folder."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "console")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LASTS)
        .sign(private, SHA256())
    )
    target = folder / "key.pem", folder / "certificate.pem"
    target[0].touch(mode=0o600)
    target[0].write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    target[1].write_bytes(certificate.public_bytes(Encoding.PEM))
    return target


if __name__ == "__main__":
    sys.exit(main())
