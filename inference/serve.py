"""Entry point inside a model archive: serves /opt/ml/model until SIGTERM."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import uvicorn

from inference.app import App
from inference.model import Model

MODEL = Path("/opt/ml/model")


def main() -> None:
    app = App(Model(MODEL))  # an archive that cannot be opened ends the process before it says it is healthy
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    uvicorn.run(app, host="0.0.0.0", port=port, loop="uvloop", http="httptools", log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
