# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  access_logs = "risk-dev-logs-111122223333"
  bucket      = { name = "risk-dev-trail-111122223333", keep = true }
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  namespace   = "RiskPlatform/dev"
  prefix      = "risk-dev"

  watched = {
    bucket_arns = ["arn:aws:s3:::risk-dev-lake-111122223333", "arn:aws:s3:::risk-dev-witness-111122223333"]
    table_arns  = ["arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers"]
  }
}

run "refuses_a_bucket_that_s3_cannot_name" {
  command = plan

  variables {
    bucket = { name = "Trail_of_everything", keep = true }
  }

  expect_failures = [var.bucket]
}

run "refuses_a_key_that_is_no_arn" {
  command = plan

  variables {
    kms_key_arn = "alias/aws/cloudtrail"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_to_watch_no_table_for_that_would_be_every_table_of_the_account" {
  command = plan

  variables {
    watched = { bucket_arns = ["arn:aws:s3:::risk-dev-lake-111122223333"], table_arns = [] }
  }

  expect_failures = [var.watched]
}
