"""Entry point inside a model archive: serves /opt/ml/model until SIGTERM."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import uvloop

from inference.app import LIMIT, App
from inference.connections import Server
from inference.model import Model

MODEL = Path("/opt/ml/model")
LAST_REQUESTS = 25  # seconds for requests in flight after SIGTERM; SageMaker kills after 30


def run(folder: Path, port: int, host: str = "0.0.0.0") -> None:
    app = App(Model(folder))  # an archive that cannot be opened ends the process before it says it is healthy
    server = Server(app, LIMIT, LAST_REQUESTS)
    uvloop.run(server.run(host, port))


def main() -> None:
    run(MODEL, int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")))


if __name__ == "__main__":
    main()
