# What the module refuses, and what it promises its callers.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  approvals_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-release.fifo"
  code                = { bucket = "risk-dev-artifacts", key = "lambda/release/1/release.zip", hash = "hash", layers = [] }
  endpoint            = { model_name = "risk-dev-fraud-bootstrap", endpoint_config = "risk-dev-fraud-bootstrap-1" }
  serving             = { instance_type = "ml.c5.large", instances = 1, most_instances = 1 }
  prefix              = "risk-dev"
  problems            = { credit = { served = false, model_role_arn = "arn:aws:iam::111122223333:role/risk-dev-credit-model" }, fraud = { served = true, model_role_arn = "arn:aws:iam::111122223333:role/risk-dev-fraud-model" } }
}

run "tells_parameters_by_problem" {
  assert {
    condition     = output.parameters == { credit = "/risk-dev/credit/release", fraud = "/risk-dev/fraud/release" }
    error_message = "The doors find the release by this name."
  }
}

run "refuses_an_instance_type_of_another_service" {
  command = plan

  variables {
    serving = { instance_type = "c5.large", instances = 1, most_instances = 1 }
  }

  expect_failures = [var.serving]
}
