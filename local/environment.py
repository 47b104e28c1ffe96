"""What of the user's environment the server keeps. What it starts inherits no more than that.

Everything else stays outside: MiniStack reads some eighty variables (mocked successes, other executors, other folders),
and a function or a job that finds its secret in the user's shell will not find it on AWS.
"""

from __future__ import annotations

from collections.abc import Mapping

KEPT = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
        *("JAVA_HOME", "LD_LIBRARY_PATH", "VIRTUAL_ENV"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"),
        "LOG_LEVEL",
    }
)


def kept(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name in KEPT}
