"""What one SageMaker server needs to know; two servers differ in these values only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """`endpoint_url` is the AWS (at least an S3) that both this server and every container it starts talk to.

    `own_url` is where this server answers, if that is another address than `endpoint_url`. `access_key_id` defaults to
    the account id: a twelve digit key selects that account on the local AWS. `image_lock` is the lock file of the
    image: containers import only what it pins and their own modules; without one, whatever this environment has.
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
    own_url: str = ""
    image_lock: Path | None = None

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
