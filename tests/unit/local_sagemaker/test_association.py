"""Which part of a transform job's input and answer goes where."""

import pytest

from local.sagemaker.errors import ApiError
from local.sagemaker.jobs.association import Association, select


def association(content_type="text/csv", **processing):
    return Association.of({"TransformInput": {"ContentType": content_type}, "DataProcessing": processing})


@pytest.mark.parametrize(
    ("path", "expected"),
    [("$", [1, 2, 3]), ("$[0]", 1), ("$[-1]", 3), ("$[1:]", [2, 3]), ("$[0,-1]", [1, 3]), ("$[0,1:]", [1, 2, 3])],
)
def test_a_path_picks_columns(path, expected):
    assert select([1, 2, 3], path) == expected


def test_a_path_picks_members_by_name():
    assert select({"a": {"b c": [5]}}, "$.a['b c'][0]") == 5


@pytest.mark.parametrize("path", ["a", "$.", "$[x]", "$..a", "$[?(@.a)]"])
def test_a_path_that_cannot_be_read_is_refused_before_the_job_starts(path):
    with pytest.raises(ApiError, match="ValidationException"):
        association(InputFilter=path)


def test_the_model_sees_only_the_filtered_columns():
    assert association(InputFilter="$[2:]").select_input("c1,l1,0.5,7") == "0.5,7"


def test_a_joined_csv_line_is_the_input_followed_by_the_answer():
    rule = association(JoinSource="Input", OutputFilter="$[0,1,-1]")
    assert rule.combine("c1,l1,0.5,7", "0.25") == "c1,l1,0.25"


def test_a_quoted_comma_stays_one_column():
    assert association(JoinSource="Input").combine('"a,b",2', "3") == '"a,b",2,3'


def test_a_joined_json_record_holds_the_answer_under_sagemakers_key():
    rule = association("application/jsonlines", JoinSource="Input", OutputFilter="$['id','SageMakerOutput']")
    assert rule.combine('{"id":1,"x":2}', '{"p":0.5}') == '{"id":1,"SageMakerOutput":{"p":0.5}}'


def test_without_data_processing_answers_pass_unchanged():
    assert not association().active
    assert association().combine("1,2", " 0.5 ") == " 0.5 "
