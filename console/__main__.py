"""`python -m console ENV [PORT] [EXPORT]`: serves the console of an environment until it is stopped."""

from __future__ import annotations

import json
import os
import sys

import uvicorn

from console.source import OUTPUTS
from tools.terraform.stacks import deployed

HOST = "127.0.0.1"  # who opens it to others puts a proxy in front that knows who asks
PORT = 8501


def main(environment: str = "", port: str = "", export: str = "") -> int:
    if not environment or not (port or "0").isdigit() or export not in ("", "no"):
        raise SystemExit("console: expected ENV=<environment> and, where they are wanted, PORT=<number> and EXPORT=no")
    if export:
        os.environ["STREAMLIT_CLIENT_DISABLE_DATA_EXPORT"] = "true"
    os.environ[OUTPUTS] = json.dumps(deployed("console", environment))
    from console.app import app  # reads the outputs that have just been set

    at = int(port or PORT)
    print(f"console: http://{HOST}:{at} shows {environment}; Ctrl-C stops it", flush=True)
    uvicorn.run(app, host=HOST, port=at, log_config=None, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
