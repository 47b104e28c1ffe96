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
  code = {
    "glue/library"               = { key = "glue/library/1/risk_platform-0.1.0-py3-none-any.whl", hash = "" }
    "glue/wheels"                = { key = "glue/wheels/1/packages.gluewheels.zip", hash = "" }
    "glue/jobs/raw_to_bronze"    = { key = "glue/jobs/raw_to_bronze/1/raw_to_bronze.py", hash = "" }
    "glue/jobs/bronze_to_silver" = { key = "glue/jobs/bronze_to_silver/1/bronze_to_silver.py", hash = "" }
    "glue/jobs/silver_to_gold"   = { key = "glue/jobs/silver_to_gold/1/silver_to_gold.py", hash = "" }
    "glue/jobs/publish_features" = { key = "glue/jobs/publish_features/1/publish_features.py", hash = "" }
    "glue/jobs/forget_customer"  = { key = "glue/jobs/forget_customer/1/forget_customer.py", hash = "" }
    "glue/jobs/check_parity"     = { key = "glue/jobs/check_parity/1/check_parity.py", hash = "" }
  }

  artifacts       = { bucket = "risk-dev-artifacts", arn = "arn:aws:s3:::risk-dev-artifacts", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111" }
  database_prefix = "risk_dev"
  feature_groups  = { account = "risk-dev-account", customer = "risk-dev-customer", device = "risk-dev-device", merchant = "risk-dev-merchant", loan-applicant = "risk-dev-loan-applicant" }
  namespace       = "Risk"
  prefix          = "risk-dev"
}

run "tells_jobs_by_script" {
  command = plan

  assert {
    condition     = output.jobs["raw_to_bronze"] == "risk-dev-raw-to-bronze"
    error_message = "State machines find jobs by their script's name."
  }
}

run "refuses_to_publish_to_groups_that_are_missing" {
  command = plan

  variables {
    feature_groups = { customer = "risk-dev-customer" }
  }

  expect_failures = [var.feature_groups]
}
