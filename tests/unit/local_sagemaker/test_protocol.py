"""Requests and answers against botocore's service models."""

import json

import pytest

from local.sagemaker import images, listing, protocol
from local.sagemaker.containers import last_words
from local.sagemaker.errors import ApiError
from local.sagemaker.jobs.lifecycle import cut_reason
from local.sagemaker.surroundings import Surroundings


def test_a_control_plane_operation_is_found_by_its_target():
    assert protocol.find_operation("POST", "/", "SageMaker.CreateModel")[0].name == "CreateModel"


def test_a_runtime_operation_is_found_by_method_and_path():
    operation, uri = protocol.find_operation("GET", "/FeatureGroup/my%2Dgroup", "")
    assert (operation.name, uri) == ("GetRecord", {"FeatureGroupName": "my-group"})


def test_an_operation_that_no_model_has_is_refused():
    with pytest.raises(ApiError, match="UnknownOperation"):
        protocol.find_operation("POST", "/", "SageMaker.MakeCoffee")


def test_query_strings_and_headers_become_members():
    operation, uri = protocol.find_operation("GET", "/FeatureGroup/g", "")
    query = {"RecordIdentifierValueAsString": ["7"], "FeatureName": ["a", "b"]}
    parsed = protocol.parse_input(operation, uri, {}, b"", query)
    assert parsed == {"FeatureGroupName": "g", "RecordIdentifierValueAsString": "7", "FeatureNames": ["a", "b"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"EndpointName": "under_score"}, "regular expression pattern"),
        ({"EndpointConfigName": None}, "Missing required parameter"),
        ({"EndpointName": 7}, "Invalid type"),
        ({"Colour": "red"}, "Unknown parameter"),
    ],
)
def test_a_request_outside_the_model_is_a_validation_error(changes, message):
    operation = protocol.find_operation("POST", "/", "SageMaker.CreateEndpoint")[0]
    request = {k: v for k, v in {"EndpointName": "e", "EndpointConfigName": "c", **changes}.items() if v is not None}
    with pytest.raises(ApiError, match=message):
        protocol.validate_input(operation, request)


def test_enums_are_checked():
    operation = protocol.find_operation("POST", "/", "SageMaker.ListEndpoints")[0]
    with pytest.raises(ApiError, match="enum value set"):
        protocol.validate_input(operation, {"SortOrder": "Sideways"})


def test_an_answer_outside_the_model_never_leaves_the_server():
    operation = protocol.find_operation("POST", "/", "SageMaker.DescribeEndpoint")[0]
    with pytest.raises(ApiError, match="InternalFailure"):
        protocol.complete_output(operation, {"EndpointName": "e"})


def test_an_error_carries_its_code_in_body_and_header():
    status, headers, body = protocol.error_answer(ApiError("ModelError", "no", 424, OriginalStatusCode=415))
    assert (status, headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert json.loads(body)["OriginalStatusCode"] == 415


def test_pages_cover_everything_once():
    items = [{"Name": f"n{i}", "CreationTime": float(i)} for i in range(5)]
    seen, token = [], None
    while True:
        request = {"MaxResults": 2, **({"NextToken": token} if token else {})}
        page, token = listing.page(items, request, name="Name")
        seen += [item["Name"] for item in page]
        if token is None:
            break
    assert seen == ["n4", "n3", "n2", "n1", "n0"]


def test_lists_filter_by_name_and_status():
    items = [{"N": "fraud-1", "S": "Failed", "CreationTime": 1.0}, {"N": "credit", "S": "Failed", "CreationTime": 2.0}]
    page, _ = listing.page(items, {"NameContains": "fraud", "StatusEquals": "Failed"}, name="N", status="S")
    assert [item["N"] for item in page] == ["fraud-1"]


def test_a_made_up_token_is_refused():
    with pytest.raises(ApiError, match="NextToken"):
        listing.cut([1], {"NextToken": "xyz"})


@pytest.mark.parametrize(
    "name", ["123456789012.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1", "x/sagemaker-xgboost:3.0-5"]
)
def test_our_images_and_awss_xgboost_run_the_default_command(name):
    assert images.command(name, None, None, "train", Surroundings()) == ["train"]


def test_an_image_without_counterpart_cannot_be_pulled():
    with pytest.raises(images.ImageUnavailable, match="Cannot pull image"):
        images.command("python:3.11", None, None, "train", Surroundings())


def test_a_failure_is_explained_from_the_first_traceback_on():
    traceback = ["Traceback (most recent call last):", "  line", "ValueError: no labels"]
    assert last_words(["epoch 1", *traceback, "+ exit 1"]) == "\n".join(traceback)


def test_a_long_reason_keeps_its_end_within_the_apis_limit():
    reason = cut_reason("AlgorithmError: " + "x" * 5000 + "ValueError: the cause")
    assert len(reason) <= 1024
    assert reason.endswith("ValueError: the cause")
