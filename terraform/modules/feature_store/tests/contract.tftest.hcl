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

  prefix = "risk-dev"

  groups = {
    loan-applicant = {
      identifier = "loan_id"
      features   = [{ name = "loan_id", type = "String" }, { name = "event_time", type = "String" }]
    }
  }
}

run "tells_names_by_short_name" {
  command = plan

  assert {
    condition     = output.names.all == { loan-applicant = "risk-dev-loan-applicant" }
    error_message = "Callers find groups by their short name."
  }
}

run "refuses_a_feature_whose_name_begins_with_an_underscore" {
  command = plan

  variables {
    groups = { loan = { identifier = "_id", features = [{ name = "_id", type = "String" }] } }
  }

  expect_failures = [var.groups]
}

run "refuses_to_let_records_expire_that_features_still_look_back_to" {
  command = plan

  variables {
    online_ttl_days = 30
  }

  expect_failures = [var.online_ttl_days]
}

run "refuses_more_groups_than_an_account_makes_at_a_time" {
  command = plan

  variables {
    groups = { for n in range(5) : "g${n}" => { identifier = "id", features = [{ name = "id", type = "String" }] } }
  }

  expect_failures = [var.groups]
}
