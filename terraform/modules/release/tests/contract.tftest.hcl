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
  serving             = { instance_type = "ml.c5.large", instances = 1, most_instances = 1 }
  guard               = { canary_seconds = 600, bake_seconds = 300, poll_seconds = 30, most_latency_ms = 100, most_blocked_percent = 20, namespace = "Risk", topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-alarms" }
  prefix              = "risk-dev"
  shadow              = { code_uri = "s3://risk-dev-artifacts/training/code/1/code.tar.gz", image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1", instance_type = "ml.m5.xlarge", role_arn = "arn:aws:iam::111122223333:role/risk-dev-drift", loan_role_arn = "arn:aws:iam::111122223333:role/risk-dev-credit-shadow" }
  problems            = { credit = { served = false, model_role_arn = "arn:aws:iam::111122223333:role/risk-dev-credit-model", api_role_arn = "arn:aws:iam::111122223333:role/risk-dev-credit-api" }, fraud = { served = true, model_role_arn = "arn:aws:iam::111122223333:role/risk-dev-fraud-model" } }
}

run "tells_tables_by_owner" {
  assert {
    condition     = { for owner, table in output.tables : owner => table.name } == { policies = "risk-dev-policies", releases = "risk-dev-releases" }
    error_message = "Doors, commands and state machines find the documents by these names."
  }
}

run "refuses_an_instance_type_of_another_service" {
  command = plan

  variables {
    serving = { instance_type = "c5.large", instances = 1, most_instances = 1 }
  }

  expect_failures = [var.serving]
}

run "refuses_a_canary_that_serves_longer_than_sagemaker_lets_it" {
  command = plan

  variables {
    guard = { canary_seconds = 3601, bake_seconds = 300, poll_seconds = 30, most_latency_ms = 100, most_blocked_percent = 20, namespace = "Risk", topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-alarms" }
  }

  expect_failures = [var.guard]
}
