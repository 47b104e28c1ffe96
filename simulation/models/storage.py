"""S3: objects by key, strongly consistent. Assumed: a put with `IfNoneMatch="*"` is refused where an object is."""

from __future__ import annotations

import io
from typing import Any
from zlib import crc32

from simulation.models.service import Service, error
from simulation.scheduler import Scheduler


class S3(Service):
    """One bucket. `written` are keys of objects, with the steps at which they were put and at which the call was
    sent."""

    throttled = "SlowDown"

    def __init__(self, scheduler: Scheduler, name: str) -> None:
        super().__init__(scheduler, name)
        self.objects: dict[str, bytes] = {}
        self.written: list[tuple[int, int, str]] = []
        self.refused: list[tuple[str, bytes]] = []  # what was not written because an object was there

    def told(self, operation: str, request: dict) -> str:
        return request.get("Key") or request.get("Prefix", "")

    def do_put_object(self, Key: str, Body: bytes, IfNoneMatch: str | None = None, **_: Any) -> dict:
        if IfNoneMatch == "*" and Key in self.objects:
            self.refused.append((Key, Body))
            raise error("PreconditionFailed", "PutObject", 412)
        self.objects[Key] = Body if isinstance(Body, bytes) else str(Body).encode()
        step, sent = self.scheduler.steps, self.scheduler.sent
        self.written.append((step, step if sent is None else sent, Key))
        return {"ETag": tag(self.objects[Key])}

    def do_get_object(self, Key: str, **_: Any) -> dict:
        if Key not in self.objects:
            raise error("NoSuchKey", "GetObject", 404)
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": tag(self.objects[Key])}

    def do_list_objects_v2(self, Prefix: str = "", **_: Any) -> dict:
        found = [{"Key": k, "ETag": tag(b)} for k, b in sorted(self.objects.items()) if k.startswith(Prefix)]
        return {"Contents": found, "KeyCount": len(found)} if found else {"KeyCount": 0}


def tag(body: bytes) -> str:
    return f'"{crc32(body):08x}"'
