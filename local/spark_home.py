"""Where Spark lies, and how its Python workers start."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_found = importlib.util.find_spec("pyspark")
assert _found is not None
assert _found.origin is not None
# Not the one beside our Python: that does not find Spark below a folder whose name holds a space.
SUBMIT = Path(_found.origin).parent / "bin" / "spark-submit"
# Workers are forked from a process that has imported what they need.
DAEMON_FOLDER = Path(__file__).parent / "warm_pool" / "python_workers"
DAEMON = {"spark.python.daemon.module": "preloaded_daemon"}
