"""A model archive, opened: what it is, and how to score rows with it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from features.encoding import Encoding, InvalidRow
from inference.additive import WrongTerms
from inference.calibration import Calibration
from inference.runtimes import BLEND, COMPILED, CONSTANT, LIBRARIES, NATIVE, Blend, Booster, Explainable, Onnx

LARGEST_FILE = 512 * 1024 * 1024  # bytes; a tree model is a hundredth of it
MOST_REASONS = 5
VERSIONS_AT_ONCE = 16  # of callers' features: two during a deployment
NAN = float("nan")
NUMERIC = ("number", "indicator")  # kinds of columns that read a number as float does


class BrokenArchive(ValueError):
    """The archive lacks a file or its manifest does not fit; the text names what."""


class OtherFeatures(ValueError):
    """The caller's vectors lack features that the model was trained on; the text names them."""


class Model:
    """One opened archive. `score` takes rows of cells in the order of the manifest's columns.

    The manifest says which runtime serves; `runtime` asks for the other one, to compare them.
    """

    def __init__(self, folder: Path, runtime: str | None = None) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.encoding = Encoding.parse(self.manifest["columns"])
        self.numbers_only = all(column.kind in NUMERIC for column in self.encoding.columns)
        self.feature_version: str = self.manifest["feature_version"]
        self.name: str = self.manifest["name"]
        self.runtime: str = runtime or self.manifest.get("runtime", NATIVE)
        self.calibration = calibration_of(self.manifest)
        self.booster = open_booster(self.manifest, folder, self.runtime)
        self.meanings = meanings_of(self.manifest, self.encoding.names)
        self._places: dict[str, tuple[int, ...] | None] = {}
        self._library: Explainable | None = None
        self._opening = threading.Lock()

    def score(self, rows: Sequence[Sequence[object]], unread: Counter[str] | None = None) -> list[float]:
        """One probability per row. Cells that cannot be read are missing, and added to `unread` by column.

        Raises features.encoding.InvalidRow.
        """
        return self.probabilities(self.matrix(rows, unread)).tolist() if len(rows) else []

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Of a float32 matrix of shape (rows, columns) with NaN for missing; of shape (rows,)."""
        if isinstance(self.booster, Constant):
            return self.booster.probabilities(matrix)
        return self.calibration.probabilities(self.booster.margins(matrix))

    def matrix(self, rows: Sequence[Sequence[object]], unread: Counter[str] | None = None) -> np.ndarray:
        """Rows of cells as the learner sees them, and in `unread` how many could not be read, by column.

        Raises features.encoding.InvalidRow.
        """
        if self.numbers_only:
            try:
                cells = [[NAN if cell is None or cell == "" else float(cell) for cell in row] for row in rows]  # type: ignore[arg-type]
            except (TypeError, ValueError, OverflowError):
                cells = []  # a cell that is no plain number: encode reads it, or counts it
            if {len(row) for row in cells} == {len(self.encoding.columns)}:
                with np.errstate(over="ignore"):
                    numbers = np.array(cells, dtype=np.float32)
                if not np.isinf(numbers).any():
                    return numbers
        return single(np.array([self.encoding.encode(row, unread) for row in rows], dtype=np.float64))

    def chosen(self, rows: list[list], feature_version: str, meanings: str | None = None) -> list[list]:
        """What the model was trained on, of rows that may hold more, or in another order: see `places`.

        Raises OtherFeatures, and InvalidRow for a row that has not as many cells as `meanings` says.
        """
        places = self.places(feature_version, meanings)
        if places is None:
            return rows
        width = 1 + meanings.count(" ") if meanings else None
        for row in rows:
            if width and len(row) != width:
                raise InvalidRow(f'expected {width} values, as "features" says, got {len(row)}')
        return [[row[place] for place in places] for row in rows]

    def places(self, feature_version: str, meanings: str | None = None) -> tuple[int, ...] | None:
        """Where in the caller's rows the values lie that the model was trained on; none where the rows are just these.

        `meanings` says what the caller's columns mean, see `features.declaration.FeatureSet.meanings`. Raises
        OtherFeatures where the rows lack a feature of the model, or have another one under its name.
        """
        if not self.encoding.names:
            return ()
        if meanings is None or self.meanings is None:
            if feature_version == self.feature_version:
                return None
            raise OtherFeatures(
                f"the model was trained on features {self.feature_version}, the request has {feature_version}; "
                "deploy the code and the model of one release"
            )
        if meanings not in self._places:
            has = {meaning: place for place, meaning in enumerate(meanings.split(" "))}
            absent = [name for name, m in zip(self.encoding.names, self.meanings, strict=True) if m not in has]
            if absent:
                raise OtherFeatures(
                    f"the model was trained on {', '.join(absent)}, which features {feature_version} of the request "
                    "do not have, or compute otherwise; deploy code that computes them, or release a model without them"
                )
            found = tuple(has[meaning] for meaning in self.meanings)
            if len(self._places) >= VERSIONS_AT_ONCE:
                self._places.clear()
            # A column that was the same in every row is none of the model's, whatever the version.
            self._places[meanings] = None if found == tuple(range(1 + meanings.count(" "))) else found
        return self._places[meanings]

    def reasons(self, rows: Sequence[Sequence[object]]) -> list[list[dict]]:
        """For each row, what raised its score most: feature, what it means, contribution in log-odds, largest first.

        A hundred times slower than `score`. The library that explains is opened when it is first asked.
        """
        return [self.strongest(row) for row in self.contributions(rows)]

    def contributions(self, rows: Sequence[Sequence[object]]) -> np.ndarray:
        """What each column did to the log-odds of the score, of shape (rows, columns). Of a constant model: nothing."""
        if not len(rows) or isinstance(self.booster, Constant):
            return np.zeros((len(rows), len(self.encoding.columns)))
        with self._opening:
            if self._library is None:
                self._library = open_library(self.manifest, self.folder)
            return self._library.contributions(self.matrix(rows)) * self.calibration.slope

    def get_ready_to_explain(self) -> None:
        """Makes the first explanation as quick as any: opening takes seconds of CPU."""
        self.reasons([[None] * len(self.encoding.columns)])

    def strongest(self, contributions: np.ndarray) -> list[dict]:
        meanings = self.manifest.get("meanings", {})
        order = np.argsort(-contributions, kind="stable")[:MOST_REASONS]
        names = self.encoding.names
        return [
            {
                "feature": names[i],
                "meaning": meanings.get(names[i], names[i]),
                "contribution": float(contributions[i]),
            }
            for i in order
            if contributions[i] > 0
        ]


def read_manifest(folder: Path) -> dict:
    """Raises BrokenArchive unless the folder has a manifest with what every archive says."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise BrokenArchive(f"{path} is missing: the archive was not made by training")
    try:
        manifest = json.loads(path.read_text())
        absent = [key for key in ("name", "learner", "feature_version", "columns") if key not in manifest]
    except (ValueError, TypeError, RecursionError) as wrong:
        raise BrokenArchive(f"{path} is not the JSON object that training writes: {type(wrong).__name__}") from None
    if absent:
        raise BrokenArchive(f"{path} does not say {', '.join(absent)}: the archive was not made by training")
    return manifest


def meanings_of(manifest: dict, names: Sequence[str]) -> tuple[str, ...] | None:
    """Fingerprints of the model's columns, their names where these are no features; none in archives without them."""
    found = manifest.get("fingerprints")
    if found is None:
        return None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise BrokenArchive("the manifest's fingerprints: expected a text by feature")
    return tuple(found.get(name, name) for name in names)


def calibration_of(manifest: dict) -> Calibration:
    if "calibration" not in manifest:
        return Calibration()
    try:
        return Calibration.parse(manifest["calibration"])
    except (KeyError, TypeError, ValueError) as wrong:
        raise BrokenArchive(f"the manifest's calibration cannot be used: {wrong!r}") from None


def open_booster(manifest: dict, folder: Path, runtime: str) -> Booster:
    """What scores; libraries are imported only when used."""
    if manifest["learner"] == CONSTANT:
        return Constant(manifest["base_rate"])
    if runtime not in (COMPILED, NATIVE):
        raise BrokenArchive(f"expected runtime {COMPILED} or {NATIVE}, got {runtime!r}")
    if manifest["learner"] == BLEND:
        # A part that has no compiled form serves from its own file, whatever is asked for.
        return Blend(
            [
                (weight, open_booster(part, folder, runtime if "compiled" in part else NATIVE))
                for weight, part in parts_of(manifest)
            ]
        )
    if runtime == COMPILED:
        return Onnx(file_of(manifest, "compiled", folder))
    return open_library(manifest, folder)


def parts_of(manifest: dict) -> list[tuple[float, dict]]:
    """Weight and description of each part of a blend. Raises BrokenArchive unless weights are positive and no part is
    a blend itself."""
    parts = manifest.get("parts")
    try:
        found = [(float(part["weight"]), part) for part in parts]  # type: ignore[union-attr]
        if not found or any(
            not 0 < weight < float("inf") or part["learner"] not in LIBRARIES for weight, part in found
        ):
            raise ValueError("a weight or a learner is none")
    except (KeyError, TypeError, ValueError) as wrong:
        raise BrokenArchive(f"the manifest's parts: expected learners with positive weights: {wrong!r}") from None
    return found


def open_library(manifest: dict, folder: Path) -> Explainable:
    learner = manifest["learner"]
    if learner == BLEND:
        return Blend([(weight, open_library(part, folder)) for weight, part in parts_of(manifest)])
    if learner not in LIBRARIES:
        raise BrokenArchive(f"expected learner {', '.join(LIBRARIES)}, {BLEND} or {CONSTANT}, got {learner!r}")
    try:
        return LIBRARIES[learner](file_of(manifest, "file", folder))
    except WrongTerms as wrong:
        raise BrokenArchive(f"the {learner} of the archive cannot be used: {wrong}") from None


def file_of(manifest: dict, key: str, folder: Path) -> Path:
    """A file that the manifest names. Raises BrokenArchive when it lies elsewhere, is missing, or is too large."""
    name = manifest.get(key)
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\\" in name:
        raise BrokenArchive(f"the manifest's {key}: expected the name of a file beside it, got {name!r}")
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise BrokenArchive(f"{path} is missing")
    if path.stat().st_size > LARGEST_FILE:
        raise BrokenArchive(f"{path} has more than {LARGEST_FILE} bytes")
    return path


def single(numbers: np.ndarray) -> np.ndarray:
    """In single precision, as the learners see numbers; beyond its range a number is as large as it gets."""
    limit = np.finfo(np.float32).max
    return np.clip(numbers, -limit, limit).astype(np.float32)


class Constant:
    """The bootstrap model: the base rate for everyone, until a trained model is approved."""

    def __init__(self, base_rate: float) -> None:
        self.base_rate = base_rate

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        return np.full(len(matrix), self.base_rate)

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        return np.full(len(matrix), np.log(self.base_rate / (1 - self.base_rate)))
