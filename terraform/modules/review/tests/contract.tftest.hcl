# What the module refuses, and what it promises its callers.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  api       = { id = "api", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:api" }
  namespace = "Risk/dev"
  prefix    = "risk-dev"
  queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-reviews"

  answers_table  = { name = "risk-dev-answers", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers" }
  counter_stream = { name = "risk-dev-merchants", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants" }

  cases = {
    table             = { name = "risk-dev-cases", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-cases" }
    answers_topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-case-decisions"
  }

  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  code = {
    "lambda/cases"  = { bucket = "risk-dev-artifacts", key = "lambda/cases/1/cases.zip", hash = "hash", layers = [] }
    "lambda/intake" = { bucket = "risk-dev-artifacts", key = "lambda/intake/1/intake.zip", hash = "hash", layers = [] }
  }
}

run "tells_its_functions" {
  command = plan

  assert {
    condition     = output.functions == { cases = "risk-dev-cases", intake = "risk-dev-intake" }
    error_message = "Alarms find them by these names."
  }
}

run "refuses_a_queue_that_is_no_arn" {
  command = plan

  variables {
    queue_arn = "risk-dev-reviews"
  }

  expect_failures = [var.queue_arn]
}

run "refuses_locks_that_are_none" {
  command = plan

  variables {
    service = { lock_minutes = 0, hours = 24, watched = true }
  }

  expect_failures = [var.service]
}

run "refuses_service_levels_beyond_a_month" {
  command = plan

  variables {
    service = { lock_minutes = 30, hours = 1000, watched = true }
  }

  expect_failures = [var.service]
}
