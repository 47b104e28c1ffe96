"""What terraform/ uses and version 6 lacks is named; keys of maps are their writer's own."""

from __future__ import annotations

import json

from tools.provider6 import __main__ as command
from tools.provider6 import written

KNOWN = {"aws_sqs_queue": {"writes": ["name", "tags"], "reads": ["arn"], "maps": ["tags"]}}


def used(*writes, reads=(), kind="aws_sqs_queue"):
    return {kind: {"writes": list(writes), "reads": list(reads)}}


def test_what_is_known_is_not_missing():
    assert command.missing(used("name", "tags", "tags.project", reads=["arn"]), KNOWN) == []


def test_what_is_not_known_is_named():
    assert command.missing(used("nmae", reads=["urn"]), KNOWN) == ["aws_sqs_queue.urn", "aws_sqs_queue.nmae"]
    assert command.missing(used("name.first"), KNOWN) == ["aws_sqs_queue.name.first"]
    assert command.missing(used("name", kind="aws_sqs_kew"), KNOWN) == ["aws_sqs_kew.name"]


def test_arguments_are_found_in_blocks_and_in_blocks_that_are_made():
    body = {
        "count": [1],
        "rule": [{"id": ["a"], "filter": [{"prefix": [""]}]}],
        "dynamic": [{"logging": {"for_each": ["x"], "content": [{"bucket": ["b"]}]}}],
        "__start_line__": 1,
    }

    assert sorted(written.paths(body)) == [
        "logging",
        "logging.bucket",
        "rule",
        "rule.filter",
        "rule.filter.prefix",
        "rule.id",
    ]


def test_attributes_are_found_in_expressions(tmp_path):
    (tmp_path / "main.tf").write_text(
        'a = aws_sqs_queue.this["x"].arn\nb = data.aws_region.here.region\n'
        "c = module.aws_x.name.y\nd = aws_kms_key.this[0].id"
    )

    assert written.attributes(tmp_path) == {
        "aws_sqs_queue": {"arn"},
        "data.aws_region": {"region"},
        "aws_kms_key": {"id"},
    }


def test_the_names_say_where_they_are_from_and_are_of_version_6():
    document = json.loads(command.NAMES.read_text())

    assert "made from version 6." in document["source"]
    assert document["names"]
