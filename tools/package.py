"""`make package`: everything that Terraform refers to, below build/package, with a list for each stack of what it is.

An artifact's key holds the hash of its content: what was uploaded never changes, and Terraform sees a new key when, and
only when, the code is new.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import boto3

from features.declaration import EntityName
from features.entities import FURTHER, IDENTIFIERS
from features.fraud import FRAUD
from features.own import packaged
from features.vector import LAYOUTS
from glue.tables import LOAN_FEATURES, TABLES
from tools.archives import files_below, tarred, wheel, zipped
from tools.wheels import gluewheels

ROOT = Path(__file__).resolve().parent.parent

BUILD = ROOT / "build" / "package"
FUNCTIONS = {
    name: (name, "scoring") for name in ("cases", "decide", "labels", "lists", "merchants", "release", "seal", "stream")
} | {"intake": ("intake", "cases", "scoring"), "document": ("document",), "loans": ("loans", "scoring")}
# What a function's zip holds beside code.
BESIDE_CODE = {"document": {"openapi.json": "docs/openapi.json"}}
DECIDES_LOANS = ("loans",)
OPENS_ARCHIVES = "lending/opened.py"  # with NumPy, which no function has
BOTO3 = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3")
CALLED = (
    "cloudwatch",
    "dynamodb",
    "kinesis",
    "kms",
    "s3",
    "sagemaker",
    "sagemaker-featurestore-runtime",
    "sagemaker-runtime",
    "sns",
    "stepfunctions",
)
BOOTSTRAP_BASE_RATE = 0.01
VERSION = "0.1.0"
FEATURE_STORE_TYPES = {"string": "String", "bigint": "Integral", "int": "Integral", "double": "Fractional"}


@dataclass
class Package:
    """Collects artifacts below `folder`; `listed` maps a name to where it lies and what its hash is."""

    folder: Path
    listed: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, name: str, filename: str, content: bytes) -> str:
        """Writes one artifact and returns its key."""
        sha = hashlib.sha256(content).digest()
        key = f"{name}/{sha.hex()[:12]}/{filename}"
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, content)
        self.listed[name] = {"key": key, "hash": base64.b64encode(sha).decode()}
        return key


def replace(path: Path, content: bytes) -> None:
    whole = path.with_name(f".{path.name}.{os.getpid()}")
    whole.write_bytes(content)
    whole.replace(path)


def main() -> None:
    """One process at a time; a file is replaced at once, for another process may be uploading it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        build()


def build() -> None:
    package = Package(BUILD)
    features = features_files()
    for function in FUNCTIONS:
        beside = {name: (ROOT / path).read_bytes() for name, path in BESIDE_CODE.get(function, {}).items()}
        files = {**features, **code_of(function), **beside}
        package.add(f"lambda/{function}", f"{function}.zip", zipped(files))
    package.add("layers/boto3", "boto3.zip", zipped({f"python/{p}": c for p, c in boto3_files().items()}))
    package.add("glue/library", *library_of_jobs())
    # The end of the name tells Glue that it is an archive of wheels.
    package.add("glue/wheels", "packages.gluewheels.zip", gluewheels())
    for script in sorted((ROOT / "glue" / "jobs").glob("[a-z]*.py")):
        package.add(f"glue/jobs/{script.stem}", script.name, script.read_bytes())
    training = {
        p: c for p, c in files_below(ROOT, "training", "inference", "lending").items() if "/pipelines/" not in p
    }
    package.add("training/code", "code.tar.gz", tarred({**features, **training}))
    package.add("models/bootstrap", "model.tar.gz", tarred(bootstrap_model(features)))
    listings = {
        "data": {"tables": {f"{t.zone}.{t.name}": table(t) for t in TABLES}, "feature_groups": feature_groups()},
        "platform": {"artifacts": package.listed, "declared_groups": [group_of(entity) for entity in FURTHER]},
    }
    for stack, listing in listings.items():
        replace(BUILD / f"{stack}.tfvars.json", (json.dumps(listing, indent=1, sort_keys=True) + "\n").encode())
    print(f"{len(package.listed)} artifacts in {BUILD.relative_to(ROOT)}")


def code_of(function: str) -> dict[str, bytes]:
    """A function's own files, without the declarations of features that each of them has."""
    files = files_below(ROOT / "lambda", *FUNCTIONS[function])
    if function in DECIDES_LOANS:
        files |= {p: c for p, c in files_below(ROOT, "lending").items() if p != OPENS_ARCHIVES}
    return files


def features_files() -> dict[str, bytes]:
    """All declarations with both sides' one engine, and what a user declares in files of his own."""
    return files_below(ROOT, "features") | packaged()


def library_of_jobs() -> tuple[str, bytes]:
    """Name and content of the wheel that every Glue job imports."""
    ours = {p: c for p, c in files_below(ROOT, "raw", "glue").items() if not p.startswith("glue/jobs/")}
    files = {**features_files(), **ours}
    return f"risk_platform-{VERSION}-py3-none-any.whl", wheel("risk_platform", VERSION, files)


def bootstrap_model(features: dict[str, bytes]) -> dict[str, bytes]:
    """A model for an empty account, served by the real server: the base rate for every payment of any features."""
    manifest = {
        "name": "bootstrap",
        "problem": "fraud",
        "learner": "constant",
        "base_rate": BOOTSTRAP_BASE_RATE,
        "feature_version": FRAUD.version,
        "columns": [],
    }
    server = files_below(ROOT, "inference")
    return {
        "manifest.json": json.dumps(manifest, indent=1, sort_keys=True).encode(),
        "code/serve.py": server.pop("inference/serve.py"),
        **{f"code/{path}": content for path, content in {**features, **server}.items()},
    }


def boto3_files() -> dict[str, bytes]:
    """boto3 as it is installed here, which is as it is locked, without services that no function calls."""
    site = Path(boto3.__file__).parents[1]
    files = files_below(site, *BOTO3) | {"six.py": (site / "six.py").read_bytes()}
    return {path: content for path, content in files.items() if is_called(PurePosixPath(path))}


def is_called(path: PurePosixPath) -> bool:
    """Whether functions need a file of botocore: all code, what all services share, and the models of theirs."""
    if path.parts[:2] in (("boto3", "data"), ("boto3", "examples")):
        return False
    return path.parts[:2] != ("botocore", "data") or len(path.parts) == 3 or path.parts[2] in CALLED


def table(declared) -> dict:
    return {
        "zone": declared.zone,
        "name": declared.name,
        "location": declared.prefix,
        "format": declared.format,
        "columns": [vars_of(c) for c in declared.columns],
        "partitions": [vars_of(c) for c in declared.partitions],
    }


def vars_of(column) -> dict[str, str]:
    return {"name": column.name, "type": column.type, "comment": column.comment}


def feature_groups() -> dict[str, dict]:
    """Feature groups by short name: identifier and features, as CreateFeatureGroup wants them.

    A record holds the entity's state, which the doors read, and what it says in numbers, which analysts join: the lake
    writes both, the doors the state alone.
    """
    groups: dict[str, dict] = {}
    for entity, key in IDENTIFIERS.items():
        texts = (key, "event_time", "feature_version", "state")
        counted = LAYOUTS[entity].names
        features = [{"name": n, "type": "String"} for n in texts] + [{"name": n, "type": "Integral"} for n in counted]
        groups[group_of(entity)] = {"identifier": key, "features": features}
    loan = [
        {"name": c.name, "type": FEATURE_STORE_TYPES[c.type]} for c in LOAN_FEATURES.columns if c.name != "applied_at"
    ]
    applicant = {"identifier": "loan_id", "features": [*loan, {"name": "event_time", "type": "String"}]}
    return {**groups, "loan-applicant": applicant}


def group_of(entity: EntityName) -> str:
    """The short name of an entity's feature group."""
    return entity.replace("_", "-")


if __name__ == "__main__":
    main()
