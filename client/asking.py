"""How the API is asked: signed, again where that is safe, and refused in words."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from client.errors import OF_STATUS, ApiError, Throttled, Unavailable, Unreachable
from client.signing import Iam, Signing

LONGEST_SAID = 500  # characters of an answer that is not JSON


class Asking:
    """One API. `url` is its base URL with the version, `api_url` of Terraform's outputs.

    `connect_to`, as `http://127.0.0.1:4566`, is where to connect where the name in `url` does not lead there: the
    request is for that name all the same. `tries` is how often in all a request is sent that got no answer, 429 or 5xx,
    if the route is done once however often it is asked; every other route is sent once more only where nothing can have
    happened: no connection came about, or the API took too many requests. `pause` gets seconds.
    """

    def __init__(
        self,
        url: str,
        signing: Signing | None = None,
        *,
        connect_to: str | None = None,
        timeout_s: float = 15.0,
        tries: int = 3,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url: expected https://<api>.execute-api.<region>.amazonaws.com/v1, got {url!r}")
        if tries < 1:
            raise ValueError(f"tries: expected 1 or more, got {tries}")
        self.host = parts.netloc
        self.base = (connect_to or f"{parts.scheme}://{parts.netloc}").rstrip("/") + parts.path.rstrip("/")
        self.signing = signing or Iam()
        self.tries, self.pause = tries, pause
        self.timeout_s = timeout_s
        self.http = httpx.Client()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that it keeps."""
        self.http.close()

    def ask(
        self,
        verb: str,
        path: str,
        *,
        done: tuple[int, ...],
        idempotent: bool,
        query: Mapping[str, object] | None = None,
        body: object = None,
        timeout_s: float = 0.0,
    ) -> Any:
        """The JSON of an answer with a status of `done`; `timeout_s` is what the route may take, where that is longer
        than what every route may. Raises ApiError."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = self.base + path + ("?" + "&".join(f"{in_url(n)}={in_url(v)}" for n, v in given.items()) if given else "")
        content = b"" if body is None else json.dumps(body).encode()
        for left in reversed(range(self.tries)):
            try:
                return self._once(verb, path, url, content, done, max(self.timeout_s, timeout_s))
            except (Throttled, Unavailable, Unreachable) as failed:
                if not left or not (idempotent or has_done_nothing(failed)):
                    raise
                self.pause(random.uniform(0, 0.2 * 2 ** (self.tries - left)))
        raise AssertionError("the last try returns or raises")

    def _once(self, verb: str, path: str, url: str, content: bytes, done: tuple[int, ...], timeout_s: float) -> Any:
        asked = f"{verb} {path}"
        given = {"host": self.host, "accept": "application/json"}
        if content:
            given["content-type"] = "application/json"
        try:
            headers = self.signing.headers(verb, url, content, given)
            answer = self.http.request(verb, url, content=content, headers=headers, timeout=timeout_s)
        except httpx.HTTPError as failed:
            raise Unreachable(asked, None, f"no answer ({type(failed).__name__})") from failed
        try:
            said = answer.json()
        except ValueError:
            said = None
        if answer.status_code in done and said is not None:
            return said
        words = said.get("error") or said.get("message") if isinstance(said, dict) else None
        kind = OF_STATUS.get(answer.status_code, ApiError)
        raise kind(asked, answer.status_code, str(words or answer.text[:LONGEST_SAID]))


def has_done_nothing(failed: ApiError) -> bool:
    """Whether the API cannot have done what was asked."""
    return isinstance(failed, Throttled) or isinstance(failed.__cause__, httpx.ConnectError | httpx.ConnectTimeout)


def in_url(value: object) -> str:
    return quote(str(value), safe="")
