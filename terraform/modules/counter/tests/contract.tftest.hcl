# What the module refuses, and what it promises its callers.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  code           = { "lambda/merchants" = { bucket = "risk-dev-artifacts", key = "lambda/merchants/1/merchants.zip", hash = "hash", layers = [] } }
  kms_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  namespace      = "Risk/dev"
  prefix         = "risk-dev"
  stream         = { arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants", failed_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-merchants-failed" }
  traffic_groups = { TRAFFIC_GROUP = "risk-dev-traffic", DEVICE_TRAFFIC_GROUP = "risk-dev-device-traffic" }
}

run "tells_its_function" {
  command = plan

  assert {
    condition     = output.function == "risk-dev-merchants"
    error_message = "Alarms find it by this name."
  }
}

run "refuses_a_key_that_is_no_arn" {
  command = plan

  variables {
    kms_key_arn = "alias/aws/kinesis"
  }

  expect_failures = [var.kms_key_arn]
}
