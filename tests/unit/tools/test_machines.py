"""Templates of state machines can be read before anything fills them in."""

from __future__ import annotations

import json

import pytest

from tests.unit.guard.pieces import change, plan
from tools import machines


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ('{"a": "${name}-x"}', {"a": "${name}-x"}),
        ('{"a": ${seconds}, "b": [${one}, ${two}]}', {"a": 1, "b": [1, 1]}),
        ('{"a": "x ${list} y", "b": 2}', {"a": "x ${list} y", "b": 2}),
    ],
)
def test_a_value_that_no_text_quotes_becomes_a_number(template, filled):
    assert json.loads(machines.filled(template)) == filled


def test_a_template_that_is_no_json_is_refused():
    with pytest.raises(json.JSONDecodeError):
        machines.filled('{"a": }')


def test_every_template_of_the_platform_can_be_read():
    machines.templates()


def test_definitions_that_a_plan_knows_are_taken_from_it(tmp_path):
    known = change('aws_sfn_state_machine.this["a"]', {"definition": "{}"})
    unknown = change('aws_sfn_state_machine.this["b"]', {}, unknown={"definition": True})
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(known, unknown).documents[0]))

    assert machines.rendered([str(path)]) == {'aws_sfn_state_machine.this["a"]': "{}"}
