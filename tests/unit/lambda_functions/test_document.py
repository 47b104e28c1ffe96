"""The document door answers with the file that its zip holds."""

from __future__ import annotations

import json

from document import handler

from tests.architecture.source import ROOT
from tools.package import BESIDE_CODE


def test_the_document_is_served_byte_for_byte(tmp_path, monkeypatch):
    ((name, source),) = BESIDE_CODE["document"].items()
    (tmp_path / name).write_bytes((ROOT / source).read_bytes())
    monkeypatch.setattr(handler, "__file__", str(tmp_path / "document" / "handler.py"))
    monkeypatch.setenv("DOCUMENT", name)
    handler.document.cache_clear()
    answer = handler.handle({}, None)
    handler.document.cache_clear()
    assert answer["body"].encode() == (ROOT / "docs" / "openapi.json").read_bytes()
    assert answer["headers"] == {"content-type": "application/json"}
    assert json.loads(answer["body"])["servers"] == [{"url": "/v1"}]
