"""Definitions of pipelines: what is accepted, in which order steps may run, what expressions mean."""

import json

import pytest

from local.sagemaker.errors import ApiError
from local.sagemaker.pipelines.definition import Definition, ExpressionError, follow, holds, resolve


def definition(*steps, parameters=()):
    return Definition.parse(json.dumps({"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)}))


def fail(name, **members):
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": "x"}, **members}


def plain(value):
    return value


def test_a_reference_to_another_step_is_a_dependency():
    made = definition(fail("A"), {**fail("B"), "Arguments": {"ErrorMessage": {"Get": "Steps.A.X['y']"}}})
    assert made.steps["B"].needs == {"A"}


def test_steps_of_a_branch_wait_for_their_condition():
    condition = {"Name": "If", "Type": "Condition", "Arguments": {"Conditions": [], "IfSteps": [fail("Yes")]}}
    guard = definition(condition).steps["Yes"].guard
    assert (guard.condition, guard.branch) == ("If", True)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([fail("A"), fail("A")], "two steps"),
        ([fail("A", DependsOn=["B"])], "refers to step B"),
        ([fail("A", DependsOn=["B"]), fail("B", DependsOn=["A"])], "wait for each other"),
        ([{"Name": "Q", "Type": "QualityCheck"}], "QualityCheck is not offered"),
        ([{"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.P"}}}], "parameter P"),
    ],
)
def test_a_definition_that_cannot_run_is_refused_at_creation(steps, message):
    with pytest.raises(ApiError, match=message):
        definition(*steps)


def test_text_that_is_no_definition_is_refused():
    with pytest.raises(ApiError, match="Unable to parse"):
        Definition.parse("{")


def test_parameters_have_types_defaults_and_enums():
    parameters = [
        {"Name": "Depth", "Type": "Integer", "DefaultValue": 3},
        {"Name": "Learner", "Type": "String", "DefaultValue": "xgboost", "EnumValues": ["xgboost", "catboost"]},
    ]
    made = definition(fail("A"), parameters=parameters)
    assert made.values({"Depth": "7"}) == {"Depth": 7, "Learner": "xgboost"}
    for wrong in ({"Depth": "x"}, {"Learner": "svm"}, {"Unknown": "1"}):
        with pytest.raises(ApiError):
            made.values(wrong)


def test_a_parameter_without_default_must_be_given():
    with pytest.raises(ApiError, match="AsOf has no default"):
        definition(fail("A"), parameters=[{"Name": "AsOf", "Type": "String"}]).values({})


def test_join_and_json_get_are_replaced_wherever_they_stand():
    value = {"a": [{"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.B"}, 1]}}]}
    assert resolve(value, lambda reference: "bucket", plain) == {"a": ["s3://bucket/1"]}
    read = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.E.PropertyFiles.R"}, "Path": "metrics.auc[0]"}}
    assert resolve(read, plain, lambda source: {"metrics": {"auc": [0.9]}}) == 0.9


def test_json_get_says_where_nothing_was_found():
    read = {"Std:JsonGet": {"S3Uri": "s3://b/r.json", "Path": "auc"}}
    with pytest.raises(ExpressionError, match="auc"):
        resolve(read, plain, lambda source: {})


def test_properties_of_named_items_are_found_by_name():
    described = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "train", "S3Output": {"S3Uri": "s3://b/t"}}]}}
    assert follow(described, ".ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri") == "s3://b/t"
    assert follow(described, ".ProcessingOutputConfig.Outputs[0].OutputName") == "train"
    with pytest.raises(ExpressionError, match="has no test"):
        follow(described, ".ProcessingOutputConfig.Outputs['test']")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Type": "Equals", "LeftValue": 1, "RightValue": 1}, True),
        ({"Type": "GreaterThan", "LeftValue": 1, "RightValue": 1}, False),
        ({"Type": "GreaterThanOrEqualTo", "LeftValue": 1, "RightValue": 1}, True),
        ({"Type": "LessThan", "LeftValue": 0.5, "RightValue": 1}, True),
        ({"Type": "LessThanOrEqualTo", "LeftValue": 2, "RightValue": 1}, False),
        ({"Type": "In", "QueryValue": "a", "Values": ["a", "b"]}, True),
        ({"Type": "Not", "Expression": {"Type": "In", "QueryValue": "c", "Values": ["a"]}}, True),
        (
            {
                "Type": "Or",
                "Conditions": [
                    {"Type": "Equals", "LeftValue": 1, "RightValue": 2},
                    {"Type": "Equals", "LeftValue": 2, "RightValue": 2},
                ],
            },
            True,
        ),
    ],
)
def test_conditions_compare(condition, expected):
    assert holds(condition, plain) is expected


def test_values_that_cannot_be_compared_fail_the_step():
    with pytest.raises(ExpressionError, match="cannot be compared"):
        holds({"Type": "LessThan", "LeftValue": "a", "RightValue": 1}, plain)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}, "CacheConfig is not offered"),
        ({"CacheConfig": {"Enabled": False}, "RetryPolicies": None}, None),
        ({"RetryPolicies": [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"]}]}, "RetryPolicies are not offered"),
        ({"StepColour": "red"}, "got StepColour"),
        ({"Arguments": {"TrainingColour": "red"}}, "CreateTrainingJob has no argument TrainingColour"),
        ({"Arguments": {"OutputDataConfig": {"S3Path": "s3://b"}}}, "no argument OutputDataConfig.S3Path"),
        ({"Arguments": {"InputDataConfig": [{"Channel": "x"}]}}, r"no argument InputDataConfig\[0\].Channel"),
        ({"Arguments": {"OutputDataConfig": {"Get": "Parameters.Output"}}}, None),
    ],
)
def test_what_a_step_carries_and_nobody_looks_at_is_refused(changes, said):
    step = {"Name": "Train", "Type": "Training", "Arguments": {}, **changes}
    parameters = [{"Name": "Output", "Type": "String", "DefaultValue": "x"}]
    text = json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": [step]})
    if said is None:
        assert list(Definition.parse(text).steps) == ["Train"]
    else:
        with pytest.raises(ApiError, match=said):
            Definition.parse(text)


def test_what_a_definition_carries_and_nobody_looks_at_is_refused():
    with pytest.raises(ApiError, match="got Colours"):
        Definition.parse(json.dumps({"Version": "2020-12-01", "MlflowConfig": None, "Colours": [], "Steps": []}))
