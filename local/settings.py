"""Where one local AWS lives: its port, its folder, its account."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

HOST = "127.0.0.1"
ACCOUNT = "000000000000"
REGION = "eu-west-1"
PORT = 4566
# Where a server tells what roles have asked for. No bucket can have this name.
PERMISSIONS = "/_local/permissions"
# What becomes of a call that the policies of its role do not allow.
ENFORCED, RECORDED = "enforced", "recorded"


@dataclass(frozen=True)
class Settings:
    """One server. Everything that it writes is below ``state_dir``; ``port`` 0 means any free port."""

    state_dir: Path
    port: int = PORT
    region: str = REGION
    account: str = ACCOUNT
    permissions: str = ENFORCED

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def s3_dir(self) -> Path:
        """S3 as plain files: ``<s3_dir>/<account>/<bucket>/<key>``."""
        return self.state_dir / "s3"

    @property
    def services_dir(self) -> Path:
        """What every other service remembers, one JSON file each."""
        return self.state_dir / "services"

    @property
    def temp_dir(self) -> Path:
        """Scratch space of the server and of all that it runs; emptied at every start."""
        return self.state_dir / "tmp"

    @property
    def log_file(self) -> Path:
        return self.state_dir / "server.log"

    @property
    def permissions_file(self) -> Path:
        """What roles asked for and what their policies allow, written at the end."""
        return self.state_dir / "permissions.json"

    @property
    def lock_file(self) -> Path:
        return self.state_dir / "lock"

    @property
    def address_file(self) -> Path:
        """``{"pid", "port", "region"}`` of the running server. Only the lock says whether it is still true."""
        return self.state_dir / "server.json"

    def listening_on(self, port: int) -> Settings:
        return replace(self, port=port)

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "state_dir": str(self.state_dir)})

    @classmethod
    def from_json(cls, text: str) -> Settings:
        values = json.loads(text)
        return cls(**{**values, "state_dir": Path(values["state_dir"])})
