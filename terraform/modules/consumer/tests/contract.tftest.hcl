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

  scoring = {
    environment = { METRIC_NAMESPACE = "Risk/dev", ENDPOINT_NAME = "risk-dev-fraud" }
    permissions = { Score = { actions = ["sagemaker:InvokeEndpoint"], resources = ["arn:aws:sagemaker:eu-west-1:111122223333:endpoint/risk-dev-fraud"] } }
  }

  stream = {
    arn              = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-transactions"
    failed_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-stream-failed"
    enhanced_fan_out = false
    read_from        = "TRIM_HORIZON"
  }

  topics = {
    alerts  = "arn:aws:sns:eu-west-1:111122223333:risk-dev-fraud-alerts"
    reviews = "arn:aws:sns:eu-west-1:111122223333:risk-dev-reviews"
  }
  answers = {
    table           = { name = "risk-dev-answers", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers" }
    tails           = { name = "risk-dev-tails", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-tails" }
    signing_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111"
  }
  code               = { "lambda/stream" = { bucket = "risk-dev-artifacts", key = "lambda/stream/1/stream.zip", hash = "hash", layers = [] } }
  counter_stream     = { name = "risk-dev-merchants", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants" }
  customer_group_arn = "arn:aws:sagemaker:eu-west-1:111122223333:feature-group/risk-dev-customer"
  prefix             = "risk-dev"
}

run "tells_its_function" {
  command = plan

  assert {
    condition     = output.function == "risk-dev-stream"
    error_message = "Alarms find it by this name."
  }
}

run "refuses_a_stream_that_is_read_from_the_middle" {
  command = plan

  variables {
    stream = {
      arn              = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-transactions"
      failed_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-stream-failed"
      enhanced_fan_out = false
      read_from        = "AT_TIMESTAMP"
    }
  }

  expect_failures = [var.stream]
}
