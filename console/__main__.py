"""`python -m console ENV [PORT] [EXPORT]`: serves the console of an environment until it is stopped."""

from __future__ import annotations

import json
import os
import sys

import uvicorn
from botocore.exceptions import ClientError

from console.source import OUTPUTS
from tools.terraform.stacks import deployed

HOST = "127.0.0.1"  # who opens it to others puts a proxy in front that knows who asks
PORT = 8501


def main(environment: str = "", port: str = "", export: str = "") -> int:
    if not environment or not (port or "0").isdigit() or export not in ("", "no"):
        raise SystemExit("console: expected ENV=<environment> and, where they are wanted, PORT=<number> and EXPORT=no")
    if export:
        os.environ["STREAMLIT_CLIENT_DISABLE_DATA_EXPORT"] = "true"
    if OUTPUTS not in os.environ:  # whoever may not read what was deployed is given it
        os.environ[OUTPUTS] = json.dumps(found(environment))
    from console.app import app  # reads the outputs that have just been set

    at = int(port or PORT)
    print(f"console: http://{HOST}:{at} shows {environment}; Ctrl-C stops it", flush=True)
    uvicorn.run(app, host=HOST, port=at, log_config=None, access_log=False)
    return 0


def found(environment: str) -> dict:
    try:
        return deployed("console", environment)
    except ClientError as refused:
        said = refused.response["Error"]
        raise SystemExit(
            f"console: {refused.operation_name} was refused: {said['Code']}. What was deployed is read from the state "
            f"bucket; whoever may not read it sets {OUTPUTS} to the platform's outputs as JSON (docs/console.md)"
        ) from None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
