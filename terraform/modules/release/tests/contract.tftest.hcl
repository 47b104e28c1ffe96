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

  artifacts_bucket   = "risk-dev-artifacts"
  code               = { key = "lambda/release/1/release.zip", hash = "hash" }
  endpoint           = { model_name = "risk-dev-fraud-bootstrap", endpoint_config = "risk-dev-fraud-bootstrap-1" }
  execution_role_arn = "arn:aws:iam::111122223333:role/risk-dev-sagemaker"
  instance_type      = "ml.c5.large"
  prefix             = "risk-dev"
  problems           = { credit = { served = false }, fraud = { served = true } }
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
    instance_type = "c5.large"
  }

  expect_failures = [var.instance_type]
}
