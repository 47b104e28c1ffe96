# What the lake refuses, and what it promises its callers.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  access_logs = "risk-dev-logs-111122223333"
  keep_data   = true
  name        = "risk-dev-lake-111122223333"
  prefix      = "risk-dev"
}

run "tells_name_arn_and_key" {
  assert {
    condition     = output.bucket.name == aws_s3_bucket.this.id && output.bucket.arn == aws_s3_bucket.this.arn && output.bucket.kms_key_arn == aws_kms_key.this.arn
    error_message = "Callers find the bucket and its key by this output: ${jsonencode(output.bucket)}"
  }
}

run "refuses_a_name_that_s3_would_refuse" {
  command = plan

  variables {
    name = "Risk_Lake"
  }

  expect_failures = [var.name]
}
