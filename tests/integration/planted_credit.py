"""Further versions of the credit model: a copy, one that ranks the other way round, a build that cannot answer."""

from __future__ import annotations

import csv
import json

import numpy as np

from demo.bad_release import broken, unpacked
from features.encoding import Encoding
from inference.additive import Term, Terms
from tools.archives import tarred
from tools.operate.platform import Platform

FOLDER = "training/credit/planted"
PASSES = {"verdict": "pass", "failed": []}


def registered(platform: Platform, good: str, name: str, turned: bool = False, silent: bool = False) -> str:
    """A version beside a good one whose dossier passes, so that it needs no reason to be approved; its ARN."""
    sagemaker, s3 = platform.client("sagemaker"), platform.client("s3")
    about = sagemaker.describe_model_package(ModelPackageName=good)
    container = about["InferenceSpecification"]["Containers"][0]
    files = unpacked(platform.read(container["ModelDataUrl"].removeprefix(f"s3://{platform.lake}/")))
    manifest = {**json.loads(files["manifest.json"]), "name": name}
    if silent:
        files["code/serve.py"] = broken(files["code/serve.py"])
    if turned:
        parts = ("parts", "compiled", "calibration")
        manifest = {part: told for part, told in manifest.items() if part not in parts}
        manifest |= {"learner": "logistic", "file": "turned.json", "runtime": "native"}
        manifest["calibration"] = {"slope": 1.0, "intercept": 0.0}
        files["turned.json"] = json.dumps(against(platform, manifest).document()).encode()
    files["manifest.json"] = json.dumps(manifest).encode()
    place = f"{FOLDER}/{name}"
    evaluation = {**platform.evaluation(good), "dossier": PASSES}
    s3.put_object(Bucket=platform.lake, Key=f"{place}/evaluation.json", Body=json.dumps(evaluation).encode())
    s3.put_object(Bucket=platform.lake, Key=f"{place}/model.tar.gz", Body=tarred(files))
    kept = ("SupportedContentTypes", "SupportedResponseMIMETypes")
    lake = f"s3://{platform.lake}/{place}"
    return sagemaker.create_model_package(
        ModelPackageGroupName=about["ModelPackageGroupName"],
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": container["Image"], "ModelDataUrl": f"{lake}/model.tar.gz"}],
            **{name: about["InferenceSpecification"][name] for name in kept},
        },
        ModelMetrics={
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": f"{lake}/evaluation.json"}}
        },
    )["ModelPackageArn"]


def against(platform: Platform, manifest: dict) -> Terms:
    """A sum that falls with the column with which the scores of the decided runs rise most, or the other way round."""
    encoding = Encoding.parse(manifest["columns"])
    cells, said = {}, {}
    for key in platform.keys("training/scoring/"):
        if "/unread/" not in key:
            cells |= {line[1]: line[2:] for line in csv.reader(platform.read(key).decode().splitlines())}
    for key in platform.keys("predictions/credit_decisions/"):
        lines = [json.loads(line) for line in platform.read(key).decode().splitlines()]
        said |= {line["loan_id"]: line["default_prob"] for line in lines}
    loans = sorted(cells.keys() & said.keys())
    matrix = np.array([encoding.encode(cells[loan]) for loan in loans], dtype=float)
    scores = np.array([said[loan] for loan in loans])

    def slope(column: np.ndarray) -> float:
        there = ~np.isnan(column)
        if there.sum() < len(column) / 2 or np.ptp(column[there]) == 0:
            return 0.0
        return float(np.corrcoef(column[there], scores[there])[0, 1])

    slopes = [slope(column) for column in matrix.T]
    chosen = int(np.argmax(np.abs(slopes)))

    def term(place: int, column: np.ndarray) -> Term:
        if place != chosen:
            return Term("line", (0.0, 1.0), (0.0, 0.0), mean=0.0)
        ends = float(np.nanmin(column)), float(np.nanmax(column))
        turned = -3.0 if slopes[place] > 0 else 3.0
        return Term("line", ends, (-turned, turned), mean=0.0)

    return Terms(-1.0, tuple(term(place, column) for place, column in enumerate(matrix.T)))
