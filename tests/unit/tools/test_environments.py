from __future__ import annotations

import json

import pytest

from tools.terraform import environments
from tools.terraform.deployment import NotConfirmed, confirm, require_account
from tools.terraform.environments import FOLDER, Environment, UnknownEnvironment, asked_for

NAMES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def made(folder, name: str = "stage", ask: list[str] | None = None, accounts: list[str] | None = None) -> Environment:
    settings = {"account_ids": accounts or [], "environment": name, "prefix": "acme", "s3_use_path_style": False}
    (folder / "environment.tfvars.json").write_text(json.dumps(settings))
    (folder / "data.tfvars.json").write_text(json.dumps({"keep_data": True}))
    (folder / "commands.json").write_text(json.dumps({"ask_before": ask or []}))
    return Environment(name, folder)


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_of_the_project_is_named_as_its_folder(name):
    environment = Environment.read(name)
    assert environment.settings["environment"] == name
    assert isinstance(environment.keeps_data, bool)


def test_production_keeps_its_data_and_asks_before_every_change():
    prod = Environment.read("prod")
    assert (prod.keeps_data, prod.asks_before("deploy"), prod.asks_before("destroy")) == (True, True, True)


def test_another_prefix_is_one_setting(tmp_path):
    assert made(tmp_path).prefix == "acme-stage"


@pytest.mark.parametrize("name", ["", "Prod", "nowhere", "../modules"])
def test_an_environment_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(UnknownEnvironment, match="expected one of dev, local, prod"):
        Environment.read(name)
    with pytest.raises(SystemExit, match="why: no environment"):
        asked_for("why", name)


def test_a_file_that_is_no_json_is_named(tmp_path, monkeypatch):
    environment = made(tmp_path)
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    (tmp_path / "data.tfvars.json").write_text("keep_data = true")
    with pytest.raises(UnknownEnvironment, match=r"data\.tfvars\.json cannot be read as JSON"):
        _ = environment.keeps_data


def test_nothing_is_built_in_an_account_that_nobody_named_or_in_another(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.terraform.deployment.caller", lambda: {"Account": "111122223333"})
    with pytest.raises(UnknownEnvironment, match=r'"account_ids": \["111122223333"\]'):
        require_account(made(tmp_path))
    with pytest.raises(UnknownEnvironment, match=r"lives in account 9{4}8{4}7{4}.* are of 1{4}2{4}3{4}"):
        require_account(made(tmp_path, accounts=["999988887777"]))
    require_account(made(tmp_path, accounts=["111122223333"]))


def test_what_asks_for_the_name_goes_on_only_with_the_name(tmp_path, monkeypatch):
    environment = made(tmp_path, ask=["destroy"])
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    monkeypatch.delenv("CONFIRM", raising=False)
    confirm(environment, "deploy")
    with pytest.raises(NotConfirmed, match="CONFIRM=stage"):
        confirm(environment, "destroy")
    monkeypatch.setenv("CONFIRM", "prod")
    with pytest.raises(NotConfirmed, match="nothing was changed"):
        confirm(environment, "destroy")
    monkeypatch.setenv("CONFIRM", "stage")
    confirm(environment, "destroy")
