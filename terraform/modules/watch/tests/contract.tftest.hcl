# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  entities       = ["loan_applications", "transactions"]
  failed_queues  = { stream = "risk-dev-stream-failed", merchants = "risk-dev-merchants-failed", release = "risk-dev-release-failed.fifo" }
  feature_groups = ["customer", "loan-applicant"]
  functions      = { decide = "risk-dev-decide", merchants = "risk-dev-merchants", release = "risk-dev-release", stream = "risk-dev-stream" }
  kms_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  namespace      = "Risk"
  prefix         = "risk-dev"
  state_machines = { nightly = "arn:aws:states:eu-west-1:111122223333:stateMachine:risk-dev-nightly" }
}

run "refuses_to_watch_without_the_stream_door" {
  command = plan

  variables {
    functions = { merchants = "risk-dev-merchants" }
  }

  expect_failures = [var.functions]
}
