"""The credit model where it serves: an endpoint that answers numbers, and what its archive says of the model.

The endpoint runs the archive that Batch Transform runs, by the same server: the same row gives the same bits. What the
archive says beside it (columns, usual values, what is barred) is read from the archive itself, which never changes
under its name.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlparse

from features.encoding import Encoding
from lending.deciding import Cells

LARGEST = 16 * 1024 * 1024  # bytes of a description; one is a thousandth of it
READ = ("manifest.json", "baseline.json")


class NoModel(RuntimeError):
    """There is no model that could be asked; the text says what is to be done."""


class OtherModel(RuntimeError):
    """The endpoint answers in another model's name: it changes over."""


class TooLate(RuntimeError):
    """Whoever asks would have gone before the endpoint answers."""


@dataclass(frozen=True)
class Described:
    """What an archive says of its model."""

    manifest: Mapping[str, Any]
    baseline: bytes | None

    @cached_property
    def encoding(self) -> Encoding:
        return Encoding.parse(self.manifest["columns"])


def described(s3: Any, uri: str) -> Described:
    """Raises NoModel for an archive that training has not written, and what S3 raises."""
    place = urlparse(uri)
    body = s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if name in READ and member.isfile() and member.size <= LARGEST:
                    found[name] = archive.extractfile(member).read()  # type: ignore[union-attr]
        manifest = json.loads(found["manifest.json"])
        said = Described(manifest, found.get("baseline.json"))
        if not all(isinstance(name, str) for name in said.encoding.names) or "learner" not in manifest:
            raise ValueError("no columns with names, or no learner")
    except (tarfile.TarError, EOFError, OSError, LookupError, TypeError, ValueError, RecursionError) as wrong:
        raise NoModel(f"the released archive is none that training wrote: {type(wrong).__name__}") from None
    return said


@dataclass(frozen=True)
class Served:
    """A `lending.deciding.Scorer` of the endpoint. Any failure of the endpoint passes through to the caller.

    `in_time` says whether there is time left to ask it.
    """

    client: Any
    endpoint: str
    described: Described
    in_time: Callable[[], bool] = lambda: True

    @property
    def name(self) -> str:
        return self.described.manifest["name"]

    @property
    def feature_version(self) -> str:
        return self.described.manifest["feature_version"]

    @property
    def encoding(self) -> Encoding:
        return self.described.encoding

    @property
    def manifest(self) -> Mapping[str, Any]:
        return self.described.manifest

    @property
    def baseline(self) -> bytes | None:
        return self.described.baseline

    def said(self, rows: Sequence[Cells]) -> list[float]:
        return self._ask(rows)["scores"]

    def contributions(self, rows: Sequence[Cells]) -> list[list[float]]:
        answer = self._ask(rows, contributions=True)
        if "contributions" not in answer:
            raise NoModel("the model was trained before single loans could be explained: train and approve one anew")
        return answer["contributions"]

    def changed(self, rows: Sequence[Cells], changes: Sequence[Mapping[int, float]]) -> list[list[float]]:
        """One request, however many changes: somebody waits."""
        if not changes:
            return []
        spelt = [{place: self._spelt(place, value) for place, value in change.items()} for change in changes]
        said = self.said([[new.get(n, cell) for n, cell in enumerate(row)] for new in spelt for row in rows])
        return [said[start : start + len(rows)] for start in range(0, len(said), len(rows))]

    def _spelt(self, place: int, value: float) -> str:
        """A number of the model as a cell that is read as the same."""
        column = self.encoding.columns[place]
        return column.categories[int(value)] if column.categories is not None else repr(value)

    def _ask(self, rows: Sequence[Cells], **further: bool) -> dict[str, Any]:
        """Raises OtherModel, TooLate, and ValueError for an answer that is none."""
        if not self.in_time():
            raise TooLate("no time is left to ask the endpoint")
        asked = {"feature_version": self.feature_version, "rows": [list(row) for row in rows], **further}
        answer = self.client.invoke_endpoint(
            EndpointName=self.endpoint,
            ContentType="application/json",
            Accept="application/json",
            Body=json.dumps(asked),
        )
        found = json.loads(answer["Body"].read())
        if found["model"] != self.name:
            raise OtherModel(f"expected {self.name} to answer, {found['model']} does")
        if len(found["scores"]) != len(rows):
            raise ValueError(f"asked for {len(rows)} scores, the endpoint gave {len(found['scores'])}")
        return found
