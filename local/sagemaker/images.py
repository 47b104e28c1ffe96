"""Which images can run on this machine, and as what.

There are no containers here: an image stands for this process's Python environment. Ours (`<prefix>-ml`) is built
from the same pinned packages; AWS's XGBoost and scikit-learn images are close to it, and nothing else is.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_RUNNABLE = re.compile(r"(^|/)([\w.-]+-ml|sagemaker-xgboost|sagemaker-scikit-learn)([:@]|$)")


class ImageUnavailable(Exception):
    """An image that stands for no environment of this machine."""


def command(image: str, entrypoint: list[str] | None, arguments: list[str] | None, default: str) -> list[str]:
    """Return what runs: the job's own entry point, else the image's `train` or `serve`.

    Raises `ImageUnavailable` for an image that has no counterpart here.
    """
    if not _RUNNABLE.search(image):
        raise ImageUnavailable(
            f"ClientError: Cannot pull image {image}. This machine stands in for images named *-ml, "
            "sagemaker-xgboost and sagemaker-scikit-learn only."
        )
    return [*(entrypoint or [default]), *(arguments or [])]


def search_path(repository: Path) -> str:
    """Return PATH as inside the image: `serve` from image/bin, then this environment, then the system."""
    folders = [repository / "image" / "bin", Path(sys.executable).parent]
    return os.pathsep.join([*map(str, folders), "/usr/local/bin", "/usr/bin", "/bin"])
