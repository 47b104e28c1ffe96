"""Folders of a running job that S3 follows: Continuous outputs of processing, checkpoints of training."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from .. import objects

_log = logging.getLogger(__name__)
_INTERVAL = 1.0


class ContinuousUpload:
    """Within its block, sends new and changed files of some folders to S3, and once more at the end."""

    def __init__(self, s3: Any, folders: list[tuple[Path, str]]) -> None:
        self._s3, self._folders = s3, folders
        self._sent: dict[Path, tuple[float, int]] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sagemaker-upload", daemon=True)

    def __enter__(self) -> None:
        if self._folders:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        if self._folders:
            self._done.set()
            self._thread.join()
            self._send()  # its errors are the job's

    def _run(self) -> None:
        while not self._done.wait(_INTERVAL):
            try:
                self._send()
            except Exception:
                _log.exception("files of a running job wait for the next attempt")

    def _send(self) -> None:
        for folder, uri in self._folders:
            objects.upload(self._s3, folder, uri, self._sent)
