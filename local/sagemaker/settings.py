"""What one SageMaker server needs to know; two servers differ in these values only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """`endpoint_url` is the local AWS that both this server and every container it starts talk to.

    `access_key_id` defaults to the account id: a twelve digit key selects that account on the local AWS.
    """

    endpoint_url: str
    region: str
    account_id: str
    state_dir: Path
    access_key_id: str = ""
    secret_access_key: str = "local"
    repository: Path = Path(__file__).resolve().parents[2]
    max_jobs: int = 2
    max_instances: int = 4
    offline_flush_seconds: float = 1.0

    @property
    def root(self) -> Path:
        """The folder that holds all state of the SageMaker server."""
        return Path(self.state_dir) / "sagemaker"

    @property
    def access_key(self) -> str:
        return self.access_key_id or self.account_id

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of a resource, e.g. `arn("endpoint", "fraud")`. SageMaker writes names in lower case."""
        return f"arn:aws:sagemaker:{self.region}:{self.account_id}:{kind}/{name}"
