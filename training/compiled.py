"""A trained model as ONNX, and the proof that it says what the learner's own library says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inference.model import Model
from inference.runtimes import COMPILED, NATIVE

FILE = "model.onnx"
TOLERANCE = 1e-6  # of a probability
RANDOM_ROWS = 2000
SEEN = 64  # values of known rows that are mixed in, per column
OPSET, TREES_OPSET, IR = 15, 3, 8


class Unfaithful(ValueError):
    """The compiled model differs from the trained one; the text says by how much and on which row."""


def compile_model(learner: str, path: Path, columns: int) -> bytes | None:
    """The trees of a saved model, as one ONNX node from `x` (rows, columns) to `margin` (rows, 1).

    None for what has no trees, and for trees that look at categories by name: ONNX has no such node.
    """
    if learner not in COMPILERS:
        return None
    attributes = COMPILERS[learner](path, columns)
    if attributes is None:
        return None
    # XGBoost adds up its leaves in single precision and CatBoost in double; in its own precision each gives its own
    # sums again.
    return regressor(attributes, columns, double=learner == "catboost")


def xgboost_trees(path: Path, columns: int) -> dict[str, Any]:
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = xgboost.Booster()
    booster.load_model(path)
    converted = convert_xgboost(booster, initial_types=[("x", FloatTensorType([None, columns]))], target_opset=OPSET)
    trees = classifier(converted)
    # The converter adds the base score as if it were a margin when the first tree is a single leaf of exactly 0.
    trees.pop("base_values", None)
    score = np.float32(xgboost_base_score(booster))
    if score != np.float32(0.5):  # which is a margin of 0
        trees["base_values"] = [float(-np.log(1 / score - 1))]
    return trees


def xgboost_base_score(booster: Any) -> float:
    """The probability that a model starts from."""
    said = json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"]
    (found,) = np.atleast_1d(json.loads(said))
    return float(found)


def catboost_trees(path: Path, columns: int) -> dict[str, Any] | None:
    import catboost
    import onnx

    model = catboost.CatBoostClassifier()
    model.load_model(str(path))
    if model.get_cat_feature_indices():
        return None
    target = path.with_suffix(".exported")
    try:
        model.save_model(str(target), format="onnx")
        return classifier(onnx.load_model_from_string(target.read_bytes()))
    finally:
        target.unlink(missing_ok=True)


COMPILERS: dict[str, Callable[[Path, int], dict[str, Any] | None]] = {
    "xgboost": xgboost_trees,
    "catboost": catboost_trees,
}


def classifier(model: Any) -> dict[str, Any]:
    """The attributes of the tree ensemble: both exporters write a classifier that ends in a logistic function."""
    import onnx

    (node,) = [n for n in model.graph.node if n.op_type == "TreeEnsembleClassifier"]
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def regressor(trees: dict[str, Any], columns: int, double: bool) -> bytes:
    """The classifier's trees without label and logistic function: the server calibrates margins itself."""
    import onnx
    from onnx import TensorProto, helper

    positive = max(trees["class_ids"])  # CatBoost writes each leaf for both classes
    leaves = [i for i, label in enumerate(trees["class_ids"]) if label == positive]
    kept = {k: v for k, v in trees.items() if k.startswith("nodes_") and k not in ("nodes_hitrates", "nodes_values")}
    kind = TensorProto.DOUBLE if double else TensorProto.FLOAT

    def numbers(name: str, values: Any) -> dict[str, Any]:
        if not double:
            return {name: values}
        return {f"{name}_as_tensor": helper.make_tensor(name, kind, [len(values)], values)}

    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["margin"],
        domain="ai.onnx.ml",
        **kept,
        **numbers("nodes_values", trees["nodes_values"]),
        **numbers("target_weights", [trees["class_weights"][i] for i in leaves]),
        **({"base_values": trees["base_values"]} if trees.get("base_values") else {}),
        target_ids=[0] * len(leaves),
        target_nodeids=[trees["class_nodeids"][i] for i in leaves],
        target_treeids=[trees["class_treeids"][i] for i in leaves],
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
    )
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("x", kind, [None, columns])],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="training")
    onnx.checker.check_model(model)
    return model.SerializeToString()


def borders(content: bytes, columns: int) -> list[np.ndarray]:
    """The values at which the trees split, by column."""
    import onnx

    (node,) = onnx.load_model_from_string(content).graph.node
    found = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    values = found.get("nodes_values")
    if values is None:
        values = onnx.numpy_helper.to_array(found["nodes_values_as_tensor"])
    modes = np.array(found["nodes_modes"])
    of = np.array(found["nodes_featureids"])
    splits = np.asarray(values, dtype=np.float32)
    return [np.unique(splits[(of == i) & (modes != b"LEAF")]) for i in range(columns)]


def probes(content: bytes, known: np.ndarray, seed: int) -> np.ndarray:
    """Rows on which runtimes could differ, of shape (rows, columns): known rows, the split values themselves and their
    neighbours in single precision, zeros of both signs, the largest numbers, and gaps anywhere."""
    rng = np.random.default_rng(seed)
    columns = known.shape[1]
    limit, zero = np.finfo(np.float32).max, np.float32(0)
    always = np.array([0.0, -0.0, 1.0, -1.0, limit, -limit, np.nan], dtype=np.float32)
    pools = []
    for i, splits in enumerate(borders(content, columns)):
        inside = np.clip(splits, np.nextafter(-limit, zero), np.nextafter(limit, zero))
        beside = [np.nextafter(inside, limit), np.nextafter(inside, -limit)]
        pools.append(np.concatenate([always, splits, *beside, known[:SEEN, i]]))
    rows = max(RANDOM_ROWS, *(len(pool) for pool in pools))  # so that each column meets all of its values
    drawn = np.column_stack([rng.permutation(np.resize(pool, rows)) for pool in pools])
    seen = known[rng.choice(len(known), min(len(known), RANDOM_ROWS), replace=False)].copy()
    gaps = seen.copy()
    gaps[rng.random(gaps.shape) < 0.1] = np.nan
    return np.clip(np.concatenate([drawn, seen, gaps]), -limit, limit).astype(np.float32)


def require_faithful(folder: Path, known: np.ndarray, seed: int) -> float:
    """The largest difference of both runtimes' probabilities, which is at most TOLERANCE. Raises Unfaithful.

    `folder` is the archive; `known` are rows that the model learned from, as the learner saw them.
    """
    model = Model(folder, runtime=NATIVE)
    files = [part["compiled"] for part in model.manifest.get("parts", [model.manifest]) if "compiled" in part]
    matrix = np.concatenate([probes((folder / file).read_bytes(), known, seed) for file in files])
    native = model.probabilities(matrix)
    served = Model(folder, runtime=COMPILED).probabilities(matrix)
    differences = np.abs(native - served)
    worst = int(np.argmax(differences))
    if not differences[worst] <= TOLERANCE:  # NaN is no agreement either
        raise Unfaithful(
            f"the compiled model gives {served[worst]!r} where the trained one gives {native[worst]!r}, more than "
            f"{TOLERANCE} apart, on one of {len(matrix)} rows: {matrix[worst].tolist()}"
        )
    return float(differences[worst])


def require_same(folder: Path, margins: Callable[[np.ndarray], np.ndarray], known: np.ndarray) -> None:
    """Raises Unfaithful unless a model that serves from its own file gives the margins of the trained one to the bit.

    `known` are rows that the model learned from; of each also without a cell.
    """
    gaps = known[:RANDOM_ROWS].copy()
    gaps[np.arange(len(gaps)), np.arange(len(gaps)) % gaps.shape[1]] = np.nan
    rows = np.concatenate([known[:RANDOM_ROWS], gaps])
    served, trained = Model(folder).booster.margins(rows), margins(rows)
    if not np.array_equal(served, trained):  # NaN is no agreement either
        worst = int(np.argmax(~(served == trained)))
        raise Unfaithful(
            f"the archive gives {served[worst]!r} where the trained model gives {trained[worst]!r}, on one of "
            f"{len(rows)} rows: {rows[worst].tolist()}"
        )
