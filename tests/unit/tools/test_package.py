"""What `make package` lists is what Terraform refers to."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys

import boto3

from features.fraud import FRAUD
from glue.tables import LOAN_FEATURES, TABLES
from tools.package import CALLED, ROOT, Package, bootstrap_model, boto3_files, feature_groups, files_below, table


def test_an_artifacts_key_changes_with_its_content_and_only_then(tmp_path):
    package = Package(tmp_path)
    keys = [package.add("a/b", "c.zip", content) for content in (b"1", b"1", b"2")]

    assert keys[0] == keys[1] != keys[2]
    assert all((tmp_path / key).is_file() for key in keys)
    assert package.listed["a/b"] == {
        "key": f"a/b/{hashlib.sha256(b'2').hexdigest()[:12]}/c.zip",
        "hash": base64.b64encode(hashlib.sha256(b"2").digest()).decode(),
    }


def test_the_bootstrap_archive_holds_the_server_the_features_and_a_manifest():
    files = bootstrap_model(files_below(ROOT, "features"))

    assert {"manifest.json", "code/serve.py", "code/inference/app.py", "code/features/fraud.py"} <= set(files)
    assert "code/inference/serve.py" not in files
    assert FRAUD.version.encode() in files["manifest.json"]


def test_every_table_is_listed_with_columns_as_the_catalog_wants_them():
    for declared in TABLES:
        listed = table(declared)
        assert [c["name"] for c in listed["columns"]] == list(declared.column_names)
        assert listed["location"] == declared.prefix
        assert all(c["type"] and c["comment"] for c in (*listed["columns"], *listed["partitions"]))


def test_feature_groups_have_their_identifier_and_event_time_among_their_features():
    groups = feature_groups()

    assert set(groups) == {
        "customer",
        "merchant",
        "account",
        "device",
        "traffic",
        "device-traffic",
        "address-traffic",
        "loan-applicant",
    }
    for group in groups.values():
        names = [f["name"] for f in group["features"]]
        assert len(set(names)) == len(names)
        assert {group["identifier"], "event_time"} <= set(names)
        assert all(f["type"] in ("String", "Integral", "Fractional") for f in group["features"])
    assert {f["name"] for f in groups["loan-applicant"]["features"]} == {
        *(set(LOAN_FEATURES.column_names) - {"applied_at"}),
        "event_time",
    }


def test_the_layer_alone_makes_every_client_of_the_functions_and_knows_the_calls_that_are_young(tmp_path):
    for path, content in boto3_files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    first = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code = (
        "import boto3, json, sys\n"
        "clients = {name: boto3.client(name, region_name='eu-west-1') for name in json.loads(sys.argv[1])}\n"
        "store = clients['sagemaker-featurestore-runtime'].meta.service_model.operation_names\n"
        "print(json.dumps([boto3.__file__, boto3.__version__, 'BatchWriteRecord' in store]))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", first + code, json.dumps(CALLED)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    place, version, knows = json.loads(done.stdout)
    assert place.startswith(str(tmp_path))
    assert (version, knows) == (boto3.__version__, True)


def test_the_layer_has_every_service_that_a_function_makes_a_client_of():
    made = {
        name
        for path in (ROOT / "lambda").rglob("*.py")
        for name in re.findall(r'boto3\.client\(\s*"([\w-]+)"', path.read_text())
    }
    assert made
    assert made <= set(CALLED)
