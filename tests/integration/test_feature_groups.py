"""A deployment gives feature groups what the code declares anew, on the local AWS."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.integration.sagemaker_scene import BUCKET, ROLE, shared
from tools import feature_groups, upload
from tools.feature_groups import CannotFollow
from tools.terraform import stacks
from tools.terraform.deployment import deploy as deploy_all
from tools.terraform.environments import FOLDER, Environment
from tools.terraform.plans import CHANGES

AT, LATER = "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"
FIRST = {"customer_id": "String", "event_time": "String", "count": "Integral"}


@pytest.fixture(scope="module")
def scene(aws, tmp_path_factory):
    with shared(aws.aws, tmp_path_factory.mktemp("scene")) as scene:
        yield scene


@pytest.fixture
def here(scene, monkeypatch):
    """The process's environment points to the scene, as an operator's points to an account."""
    for name, value in scene.aws.environment().items():
        monkeypatch.setenv(name, value)
    return scene


def made(scene, prefix):
    """A platform's group of customers, as the first deployment made it."""
    sagemaker, name = scene.client("sagemaker"), f"{prefix}-customer"
    sagemaker.create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="customer_id",
        EventTimeFeatureName="event_time",
        FeatureDefinitions=[{"FeatureName": n, "FeatureType": t} for n, t in FIRST.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/{name}"}},
        RoleArn=ROLE,
    )
    scene.wait(sagemaker.describe_feature_group, "FeatureGroupStatus", FeatureGroupName=name)
    return name


def record(**values):
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


def test_a_new_feature_is_added_once_and_records_and_the_offline_table_take_it(here):
    group, runtime = made(here, "risk-grows"), here.client("sagemaker-featurestore-runtime")
    earlier = record(customer_id="c1", event_time=AT)
    runtime.put_record(FeatureGroupName=group, Record=earlier)
    wanted = {"customer": {**FIRST, "max": "Integral"}}

    assert feature_groups.follow("risk-grows", wanted) == {"customer": ["max"]}
    assert feature_groups.follow("risk-grows", wanted) == {}

    known = {"FeatureGroupName": group, "RecordIdentifierValueAsString": "c1"}
    assert runtime.get_record(**known)["Record"] == earlier, "a record keeps what it holds"
    whole = record(customer_id="c1", event_time=LATER, max="7")
    runtime.put_record(FeatureGroupName=group, Record=whole)
    assert runtime.get_record(**known)["Record"] == whole
    described = here.client("sagemaker").describe_feature_group(FeatureGroupName=group)
    catalog = described["OfflineStoreConfig"]["DataCatalogConfig"]
    table = here.client("glue").get_table(DatabaseName=catalog["Database"], Name=catalog["TableName"])["Table"]
    assert {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}["max"] == "bigint"


def test_a_group_that_is_not_there_yet_can_become_anything(here):
    feature_groups.require_followable("risk-new", {"customer": FIRST})


def test_a_feature_of_another_type_is_refused(here):
    made(here, "risk-type")

    with pytest.raises(CannotFollow, match="count as Integral, this code declares it as Fractional"):
        feature_groups.require_followable("risk-type", {"customer": {**FIRST, "count": "Fractional"}})


def test_a_feature_that_is_declared_no_more_holds_up_nothing(here):
    made(here, "risk-less")
    less = {"customer": {n: t for n, t in FIRST.items() if n != "count"}}

    feature_groups.require_followable("risk-less", less)
    assert feature_groups.follow("risk-less", less) == {}


@pytest.fixture
def deployment(here, monkeypatch, tmp_path):
    """`make deploy` of a declaration, but for Terraform's own work; tells what Terraform was asked for."""
    asked = []
    monkeypatch.setattr(stacks, "run", lambda stack, name, verb, *_, **__: asked.append((stack, verb)) or changes())
    monkeypatch.setattr(stacks, "has_state_bucket", lambda environment: True)
    monkeypatch.setattr(stacks, "STATE", tmp_path / "state")
    monkeypatch.setattr(stacks, "PACKAGE", tmp_path)
    monkeypatch.setattr(upload, "main", lambda bucket: None)

    def deploy(features, name):
        about = {"identifier": "customer_id", "features": [{"name": n, "type": t} for n, t in features.items()]}
        (tmp_path / "data.tfvars.json").write_text(json.dumps({"feature_groups": {"customer": about}}))
        (tmp_path / "platform.tfvars.json").write_text("{}")
        folder = shutil.copytree(FOLDER / "local", tmp_path / "environments" / name)
        deploy_all(Environment(name, folder))

    return deploy, asked


def changes() -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], CHANGES, "", "")


def test_a_deployment_adds_features_after_terraform_and_says_which(here, deployment, capsys):
    group = made(here, "risk-deployed")
    deploy, asked = deployment

    deploy({**FIRST, "max": "Integral"}, "deployed")

    assert [stack for stack, verb in asked if verb == "apply"] == ["data", "platform"]
    assert capsys.readouterr().out.endswith("==> the feature group customer has new features: max\n")
    assert "max" in feature_groups.features_of(here.client("sagemaker"), group)


def test_a_deployment_that_a_group_cannot_follow_changes_nothing(here, deployment):
    group = made(here, "risk-refused")
    deploy, asked = deployment

    with pytest.raises(CannotFollow):
        deploy({**FIRST, "count": "String", "max": "Integral"}, "refused")

    assert asked == []
    assert feature_groups.features_of(here.client("sagemaker"), group) == FIRST
