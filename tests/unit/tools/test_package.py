"""What `make package` lists is what Terraform refers to."""

from __future__ import annotations

import base64
import hashlib

from features.fraud import FRAUD
from glue.tables import LOAN_FEATURES, TABLES
from tools.package import ROOT, Package, bootstrap_model, feature_groups, files_below, table


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

    assert set(groups) == {"customer", "merchant", "account", "traffic", "loan-applicant"}
    for group in groups.values():
        names = [f["name"] for f in group["features"]]
        assert len(set(names)) == len(names)
        assert {group["identifier"], "event_time"} <= set(names)
        assert all(f["type"] in ("String", "Integral", "Fractional") for f in group["features"])
    assert {f["name"] for f in groups["loan-applicant"]["features"]} == {
        *(set(LOAN_FEATURES.column_names) - {"applied_at"}),
        "event_time",
    }
