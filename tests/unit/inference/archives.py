"""Model archives on disk, small enough to read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xgboost

from features.encoding import Column, Encoding

ENCODING = Encoding((Column("income"), Column("purpose", ("car", "house"))))


def written(folder: Path, **manifest) -> Path:
    """A folder that holds a manifest and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "name": "model-7",
        "learner": "constant",
        "base_rate": 0.25,
        "feature_version": "abc",
        "columns": ENCODING.document(),
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


def trained(folder: Path) -> Path:
    """An archive whose answer is high for low incomes and for houses."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.uniform(0, 100, 400), rng.integers(0, 2, 400)]).astype(np.float32)
    y = ((x[:, 0] < 50) & (x[:, 1] == 1)).astype(int)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(x, y), 20)
    folder.mkdir(parents=True)
    booster.save_model(folder / "model.json")
    meanings = {"income": "What the applicant earns", "purpose": "What the money is for"}
    return written(folder, learner="xgboost", file="model.json", meanings=meanings, fingerprints={})
