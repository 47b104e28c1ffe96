# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name    = "loan-applicant"
  offline = { bucket = "risk-dev-lake-111122223333", database = "risk_dev_feature_store", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000", role_arn = "arn:aws:iam::111122223333:role/risk-dev-feature-store" }
  prefix  = "risk-dev"

  definition = {
    identifier = "loan_id"
    features   = [{ name = "loan_id", type = "String" }, { name = "event_time", type = "String" }]
  }
}

run "refuses_a_record_that_nothing_identifies" {
  command = plan

  variables {
    definition = { identifier = "loan_id", features = [{ name = "event_time", type = "String" }] }
  }

  expect_failures = [var.definition]
}
