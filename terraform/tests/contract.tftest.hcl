# What the platform refuses, and the names that it promises.

mock_provider "aws" {
  source = "./mocks"
}

variables {
  environment          = "dev"
  pipeline_definitions = "tests/definitions"

  artifacts = {
    "glue/jobs/bronze_to_silver" = { key = "glue/jobs/bronze_to_silver/1/bronze_to_silver.py", hash = "hash" }
    "glue/jobs/check_parity"     = { key = "glue/jobs/check_parity/1/check_parity.py", hash = "hash" }
    "glue/jobs/forget_customer"  = { key = "glue/jobs/forget_customer/1/forget_customer.py", hash = "hash" }
    "glue/jobs/publish_features" = { key = "glue/jobs/publish_features/1/publish_features.py", hash = "hash" }
    "glue/jobs/raw_to_bronze"    = { key = "glue/jobs/raw_to_bronze/1/raw_to_bronze.py", hash = "hash" }
    "glue/jobs/silver_to_gold"   = { key = "glue/jobs/silver_to_gold/1/silver_to_gold.py", hash = "hash" }
    "glue/library"               = { key = "glue/library/1/risk_platform-0.1.0-py3-none-any.whl", hash = "hash" }
    "lambda/decide"              = { key = "lambda/decide/1/decide.zip", hash = "hash" }
    "lambda/labels"              = { key = "lambda/labels/1/labels.zip", hash = "hash" }
    "lambda/merchants"           = { key = "lambda/merchants/1/merchants.zip", hash = "hash" }
    "lambda/release"             = { key = "lambda/release/1/release.zip", hash = "hash" }
    "lambda/seal"                = { key = "lambda/seal/1/seal.zip", hash = "hash" }
    "lambda/stream"              = { key = "lambda/stream/1/stream.zip", hash = "hash" }
    "models/bootstrap"           = { key = "models/bootstrap/1/model.tar.gz", hash = "hash" }
    "training/code"              = { key = "training/code/1/code.tar.gz", hash = "hash" }
  }

  feature_groups = {
    account        = { identifier = "customer_id", features = [{ name = "customer_id", type = "String" }] }
    customer       = { identifier = "customer_id", features = [{ name = "customer_id", type = "String" }] }
    loan-applicant = { identifier = "loan_id", features = [{ name = "loan_id", type = "String" }] }
    merchant       = { identifier = "merchant_id", features = [{ name = "merchant_id", type = "String" }] }
    traffic        = { identifier = "merchant_id", features = [{ name = "merchant_id", type = "String" }] }
  }

  tables = {
    for name in [
      "decisions.decisions", "gold.transaction_features", "predictions.predictions", "quarantine.quarantine",
      "silver.fraud_labels", "silver.loan_applications", "silver.loan_outcomes", "silver.transactions",
    ] :
    name => {
      zone = split(".", name)[0], name = split(".", name)[1], location = "", format = "json", columns = [], partitions = []
    }
  }
}

run "names_everything_after_its_environment" {
  command = plan

  assert {
    condition     = output.prefix == "risk-dev" && output.artifacts_bucket == "risk-dev-artifacts-111122223333"
    error_message = "`make upload` and `make verify` find things by these names."
  }

  assert {
    condition     = output.endpoint_name == "risk-dev-fraud" && output.stream_name == "risk-dev-transactions"
    error_message = "Producers and the release find things by these names."
  }
}

run "refuses_an_environment_that_names_cannot_hold" {
  command = plan

  variables {
    environment = "Production-EU"
  }

  expect_failures = [var.environment]
}

run "refuses_a_stream_that_is_read_from_the_middle" {
  command = plan

  variables {
    stream = { read_from = "AT_TIMESTAMP" }
  }

  expect_failures = [var.stream]
}

run "refuses_a_stream_without_shards" {
  command = plan

  variables {
    stream = { shards = 0 }
  }

  # The doors say the same of what they are given.
  expect_failures = [var.stream]
}
