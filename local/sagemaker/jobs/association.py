"""DataProcessing of a transform job: which input goes to the model, and what of input and answer goes out.

JSONPath as SageMaker takes it: `$`, `$.name`, `$['name']`, `$[3]`, `$[0,2]`, `$[1:]`, `$[-1]`; a CSV line counts as an
array. The name `SageMakerOutput` holds the model's answer to a joined JSON record.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from ..errors import validation

_STEP = re.compile(r"\.(?P<name>[A-Za-z_][\w-]*)|\[(?P<inside>[^\]]+)\]")
ANSWER_KEY = "SageMakerOutput"


@dataclass(frozen=True)
class Association:
    """The three settings, and whether lines are CSV or JSON."""

    input_filter: str
    output_filter: str
    join: bool
    json_lines: bool

    @classmethod
    def of(cls, request: dict[str, Any]) -> Association:
        processing = request.get("DataProcessing", {})
        content = request["TransformInput"].get("ContentType", "text/csv")
        made = cls(
            processing.get("InputFilter", "$"),
            processing.get("OutputFilter", "$"),
            processing.get("JoinSource", "None") == "Input",
            "json" in content,
        )
        for path in (made.input_filter, made.output_filter):
            parse_path(path)
        return made

    @property
    def active(self) -> bool:
        return self.join or self.input_filter != "$" or self.output_filter != "$"

    @property
    def line_based(self) -> bool:
        return self.join or self.output_filter != "$" or self.input_filter != "$"

    def select_input(self, line: str) -> str:
        """Return the part of an input line that the model sees."""
        if self.input_filter == "$":
            return line
        return self._write(select(self._read(line), self.input_filter))

    def combine(self, line: str, answer: str) -> str:
        """Return an output line from an input line and the model's answer to it."""
        if not self.join and self.output_filter == "$":
            return answer
        answered = self._read(answer)
        if self.join:
            record = self._read(line)
            if isinstance(record, dict):
                record = {**record, ANSWER_KEY: answered}
            elif self.json_lines:
                record = {"SageMakerInput": record, ANSWER_KEY: answered}
            else:
                record = [*record, *answered]
        else:
            record = answered
        return self._write(select(record, self.output_filter))

    def _read(self, line: str) -> Any:
        return json.loads(line) if self.json_lines else next(csv.reader([line]), [])

    def _write(self, value: Any) -> str:
        if self.json_lines:
            return json.dumps(value, separators=(",", ":"))
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return out.getvalue()


def parse_path(path: str) -> list[Any]:
    """Return a JSONPath's steps: a name, an index, a slice or a list of these. Raises `ValidationException`."""
    if not path.startswith("$"):
        raise validation(f"{path!r} is not a JSONPath that the local SageMaker server can read.")
    steps: list[Any] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise validation(f"{path!r} is not a JSONPath that the local SageMaker server can read.")
        steps.append(match["name"] if match["name"] else _inside(path, match["inside"]))
        position = match.end()
    return steps


def select(value: Any, path: str) -> Any:
    """Return what a JSONPath picks; raises `LookupError` where it leads nowhere."""
    for step in parse_path(path):
        if isinstance(step, list):
            if all(isinstance(part, str) for part in step):
                value = {part: value[part] for part in step}
            else:
                value = [item for part in step for item in _pick(value, part)]
        elif isinstance(step, slice):
            value = value[step]
        else:
            value = value[step]
    return value


def _pick(value: list[Any], part: Any) -> list[Any]:
    return value[part] if isinstance(part, slice) else [value[part]]


def _inside(path: str, text: str) -> Any:
    parts = [_part(path, part.strip()) for part in text.split(",")]
    return parts[0] if len(parts) == 1 else parts


def _part(path: str, text: str) -> Any:
    if text[:1] in "'\"" and text[-1:] == text[:1]:
        return text[1:-1]
    try:
        if ":" in text:
            return slice(*(int(bound) if bound else None for bound in text.split(":")))
        return int(text)
    except ValueError as error:
        raise validation(f"{path!r} is not a JSONPath that the local SageMaker server can read.") from error
