"""Which images can run on this machine, and as what.

There are no containers here: an image stands for this process's Python environment. Ours (`<prefix>-ml`) is built
from the same pinned packages; AWS's XGBoost and scikit-learn images are close to it, and nothing else is.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from .errors import validation
from .surroundings import Surroundings

_RUNNABLE = re.compile(r"(^|/)([\w.-]+-ml|sagemaker-xgboost|sagemaker-scikit-learn)([:@]|$)")


class ImageUnavailable(Exception):
    """An image that stands for no environment of this machine."""


def refusal(image: str, surroundings: Surroundings) -> str:
    """Return why an image cannot run here; nothing if it can."""
    if not _RUNNABLE.search(image):
        return "This machine stands in for images named *-ml, sagemaker-xgboost and sagemaker-scikit-learn only."
    if not surroundings.has_image(image):
        return "Its repository has no such image: push it, or name one that was pushed."
    return ""


def require(image: str, surroundings: Surroundings) -> None:
    """Raise the `ValidationException` of a model whose image cannot run here."""
    if reason := refusal(image, surroundings):
        raise validation(f"Requested image {image} not found. {reason}")


def command(
    image: str,
    entrypoint: list[str] | None,
    arguments: list[str] | None,
    default: str,
    surroundings: Surroundings,
    role: str = "",
) -> list[str]:
    """Return what runs: the job's own entry point, else the image's `train` or `serve`.

    Raises `ImageUnavailable` for an image that has no counterpart here, or that the role may not pull.
    """
    reason = refusal(image, surroundings)
    try:
        if role and not reason:
            surroundings.pulls(role, image)
    except PermissionError as denied:
        reason = str(denied)
    if reason:
        raise ImageUnavailable(f"ClientError: Cannot pull image {image}. {reason}")
    return [*(entrypoint or [default]), *(arguments or [])]


def search_path(repository: Path) -> str:
    """Return PATH as inside the image: `serve` from image/bin, then this environment, then the system."""
    folders = [repository / "image" / "bin", Path(sys.executable).parent]
    return os.pathsep.join([*map(str, folders), "/usr/local/bin", "/usr/bin", "/bin"])
