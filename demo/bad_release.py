"""A planted bad release: the serving model again, in a build that answers no request.

Its dossier is that of the good version and its scores are the same, so that nothing finds it before it takes traffic.
It has a name of its own, as every training gives one.
"""

from __future__ import annotations

import io
import json
import tarfile
from urllib.parse import urlparse

from tools.archives import tarred
from tools.operate.platform import Platform, StepFailed

SERVES = b"def main() -> None:\n"
BROKEN = b"""def broken(*_: object) -> None:
    raise RuntimeError("planted: this build cannot answer")


App.from_json = App.from_csv = broken


"""
FOLDER = "training/fraud/planted"


def plant(platform: Platform, good: str) -> str:
    """Registers the archive of a good version with such a server; returns the ARN of the new version."""
    sagemaker, s3 = platform.client("sagemaker"), platform.client("s3")
    about = sagemaker.describe_model_package(ModelPackageName=good)
    container = about["InferenceSpecification"]["Containers"][0]
    place = urlparse(container["ModelDataUrl"])
    files = unpacked(s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read())
    files["code/serve.py"] = broken(files["code/serve.py"])
    manifest, evaluation = json.loads(files["manifest.json"]), platform.evaluation(good)
    name = f"{manifest['name']}-planted"
    files["manifest.json"] = json.dumps({**manifest, "name": name}).encode()
    evaluation["policy"]["model"] = name
    s3.put_object(Bucket=platform.lake, Key=f"{FOLDER}/evaluation.json", Body=json.dumps(evaluation).encode())
    s3.put_object(Bucket=platform.lake, Key=f"{FOLDER}/model.tar.gz", Body=tarred(files))
    lake = f"s3://{platform.lake}/{FOLDER}"
    kept = ("SupportedContentTypes", "SupportedResponseMIMETypes")
    return sagemaker.create_model_package(
        ModelPackageGroupName=about["ModelPackageGroupName"],
        ModelPackageDescription="Planted by the demo: it answers no request",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": container["Image"], "ModelDataUrl": f"{lake}/model.tar.gz"}],
            **{name: about["InferenceSpecification"][name] for name in kept},
        },
        ModelMetrics={
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": f"{lake}/evaluation.json"}}
        },
    )["ModelPackageArn"]


def broken(server: bytes) -> bytes:
    """The entry point of an archive, so changed that it becomes healthy and answers no request."""
    if SERVES not in server:
        raise StepFailed("the archive's code/serve.py has no main() that the demo could break")
    return server.replace(SERVES, BROKEN + SERVES)


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = [(member, tar.extractfile(member)) for member in tar.getmembers() if member.isfile()]
        return {member.name.removeprefix("./"): file.read() for member, file in files if file is not None}
