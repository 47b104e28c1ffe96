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

  alert_topic_arn   = "arn:aws:sns:eu-west-1:111122223333:risk-dev-fraud-alerts"
  artifacts_bucket  = "risk-dev-artifacts"
  endpoint_name     = "risk-dev-fraud"
  feature_groups    = { account = "risk-dev-account", customer = "risk-dev-customer", merchant = "risk-dev-merchant", traffic = "risk-dev-traffic" }
  prefix            = "risk-dev"
  release_parameter = "/risk-dev/fraud/release"
  shards            = 2

  code = {
    "lambda/decide"    = { key = "lambda/decide/1/decide.zip", hash = "hash" }
    "lambda/labels"    = { key = "lambda/labels/1/labels.zip", hash = "hash" }
    "lambda/merchants" = { key = "lambda/merchants/1/merchants.zip", hash = "hash" }
    "lambda/stream"    = { key = "lambda/stream/1/stream.zip", hash = "hash" }
  }
}

run "tells_stream_queue_and_functions" {
  command = plan

  assert {
    condition     = output.stream_name == "risk-dev-transactions" && output.failed_queue == "risk-dev-stream-failed" && output.uncounted_queue == "risk-dev-merchants-failed"
    error_message = "Producers and alarms find stream and queue by these names."
  }

  assert {
    condition     = output.functions == { decide = "risk-dev-decide", labels = "risk-dev-labels", merchants = "risk-dev-merchants", stream = "risk-dev-stream" }
    error_message = "Alarms find functions by door."
  }
}

run "refuses_to_score_without_the_merchant_s_features" {
  command = plan

  variables {
    feature_groups = { customer = "risk-dev-customer" }
  }

  expect_failures = [var.feature_groups]
}

run "refuses_a_parameter_that_is_no_full_name" {
  command = plan

  variables {
    release_parameter = "release"
  }

  expect_failures = [var.release_parameter]
}

run "refuses_a_stream_without_shards" {
  command = plan

  variables {
    shards = 0
  }

  expect_failures = [var.shards]
}
