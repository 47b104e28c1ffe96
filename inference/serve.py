"""Entry point inside a model archive: serves /opt/ml/model until SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import uvicorn

from inference.app import App
from inference.connections import Connection
from inference.model import Model

MODEL = Path("/opt/ml/model")
LAST_REQUESTS = 25  # seconds for requests in flight after SIGTERM; SageMaker kills after 30
IDLE = 300  # seconds an unused connection stays: longer than the proxy before us keeps one
TURN = 0.0005  # seconds a batch computes before payments get their turn; Python's own 5 ms is their whole time


def server(app: App, connection: type[Connection] = Connection) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=connection,
            ws="none",
            lifespan="off",
            server_header=False,
            date_header=False,
            proxy_headers=False,
            access_log=False,
            log_level="warning",
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=LAST_REQUESTS,
        )
    )


def run(folder: Path, port: int, host: str = "0.0.0.0", explains: bool = True) -> None:
    """Port 0 takes a free one. Ends with code 0 after SIGTERM. What `explains` does so at once from the beginning."""
    # Uvicorn raises the signal that ended it once more at its end, for whoever held it before.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    app = App(Model(folder))  # an archive that cannot be opened ends the process before it says it is healthy
    if explains:
        app.model.get_ready_to_explain()
    print(json.dumps({"level": "INFO", "message": "the model is open and serves"}), flush=True)  # the log's first line
    sys.setswitchinterval(TURN)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        server(app).run(sockets=[listener])


def main() -> None:
    is_batch = os.environ.get("SAGEMAKER_BATCH") == "true"  # Batch Transform asks for scores alone
    run(MODEL, int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")), explains=not is_batch)


if __name__ == "__main__":
    main()
