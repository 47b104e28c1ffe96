# What the witness takes, and what it refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  access_logs = "risk-prod-logs-111122223333"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  lock        = { mode = "GOVERNANCE", days = 365 }
  name        = "risk-prod-witness-111122223333"
  prefix      = "risk-prod"
}

run "tells_its_bucket" {
  assert {
    condition     = output.bucket.name == "risk-prod-witness-111122223333"
    error_message = "The function that seals finds the bucket by this."
  }
}

run "refuses_a_lock_that_s3_does_not_have" {
  command = plan

  variables {
    lock = { mode = "STRICT", days = 365 }
  }

  expect_failures = [var.lock]
}

run "refuses_a_lock_of_no_time" {
  command = plan

  variables {
    lock = { mode = "COMPLIANCE", days = 0 }
  }

  expect_failures = [var.lock]
}

run "refuses_what_is_no_key" {
  command = plan

  variables {
    kms_key_arn = "alias/risk"
  }

  expect_failures = [var.kms_key_arn]
}
