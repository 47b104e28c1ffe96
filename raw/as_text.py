"""Cells of any Arrow type as text: types are forgotten, so that they may change from one file to the next.

A number that came as a float because of an empty cell beside it is the whole number that it is: an identifier reads the
same whatever its column's type became.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

LARGEST_WHOLE = 2.0**63  # whole numbers below it are written without a point


def as_text(cells: pa.Array) -> pa.Array:
    """A text per cell, null where there is none. An instant is `2018-04-02 09:30:00.5` in UTC, whatever its unit."""
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    kind = cells.type
    if isinstance(cells, pa.ExtensionArray):
        if kind.extension_name == "arrow.uuid":
            return _each(cells.storage, lambda found: str(uuid.UUID(bytes=found)))
        return as_text(cells.storage)
    if pa.types.is_dictionary(kind):
        return as_text(cells.dictionary_decode())
    if pa.types.is_string(kind):
        return cells
    if pa.types.is_floating(kind):
        return _floats(cells)
    if pa.types.is_decimal(kind):
        return pc.replace_substring_regex(pc.cast(cells, pa.string()), r"\.0+$", "")
    if pa.types.is_timestamp(kind):
        return _instants(cells)
    if pa.types.is_time(kind):
        return _without_trailing_zeros(pc.cast(cells, pa.string()))
    if pa.types.is_nested(kind):
        return _each(cells, lambda found: json.dumps(_of_json(found), default=_spelt, ensure_ascii=False))
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16:
        return _each(cells, _sixteen)
    if pa.types.is_duration(kind):
        return pc.cast(pc.cast(cells, pa.int64()), pa.string())
    return pc.cast(cells, pa.string())  # of bytes too, unless they are no text


def text_of(cells: pa.Array) -> pa.Array:
    """The same, with U+FFFD in place of bytes that are no text."""
    return with_damaged(cells)[0]


def with_damaged(cells: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """The same, and the cells that are no text, by their places, as `surrogateescape` writes them."""
    try:
        text = as_text(cells)
        text.validate(full=True)
        return text, {}
    except pa.ArrowInvalid:
        found = [cell.as_buffer().to_pybytes() if cell.is_valid else None for cell in cells.cast(pa.binary())]
    written = [None if content is None else content.decode(errors="surrogateescape") for content in found]
    damaged = {n: text for n, text in enumerate(written) if text is not None and _has_bytes(text)}
    whole = [None if content is None else content.decode(errors="replace") for content in found]
    return pa.array(whole, pa.string()), damaged


def _has_bytes(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _sixteen(found: bytes) -> str:
    """Sixteen bytes are a UUID, as DuckDB and Spark write it, unless they are letters."""
    letters = found.decode() if found.isascii() else ""
    return letters if letters and letters.isprintable() else str(uuid.UUID(bytes=found))


def _of_json(found: Any) -> Any:
    """What JSON can say: a missing number is null, as a cell of its own is, and an infinite one its word."""
    if isinstance(found, float) and not math.isfinite(found):
        return None if math.isnan(found) else str(found)
    if isinstance(found, dict):
        return {name: _of_json(value) for name, value in found.items()}
    return [_of_json(value) for value in found] if isinstance(found, list | tuple) else found


def _spelt(found: Any) -> str:
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)


def _each(cells: pa.Array, text: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if found is None else text(found) for found in cells.to_pylist()], pa.string())


def _floats(cells: pa.Array) -> pa.Array:
    if pa.types.is_float16(cells.type):
        cells = pc.cast(cells, pa.float32())
    nothing = pa.scalar(None, cells.type)
    cells = pc.if_else(pc.is_nan(cells), nothing, cells)  # pandas' word for a missing number
    whole = pc.and_(pc.equal(cells, pc.round(cells)), pc.less(pc.abs(cells), LARGEST_WHOLE))
    numbers = pc.cast(pc.if_else(whole, cells, nothing), pa.int64())
    return pc.coalesce(pc.cast(numbers, pa.string()), pc.cast(cells, pa.string()))


def _instants(cells: pa.Array) -> pa.Array:
    if cells.type.unit == "ns":
        cells = pc.cast(cells, pa.timestamp("us", cells.type.tz), safe=False)
    if cells.type.tz is not None:
        cells = pc.cast(cells, pa.timestamp(cells.type.unit))  # what is stored is UTC
    return _without_trailing_zeros(pc.cast(cells, pa.string()))


def _without_trailing_zeros(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(pc.replace_substring_regex(texts, r"(\.\d*?)0+$", r"\1"), r"\.$", "")
