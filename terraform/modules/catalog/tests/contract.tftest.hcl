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

  database_prefix = "risk_dev"
  prefix          = "risk-dev"

  tables = {
    "gold.loan_features" = {
      zone       = "gold"
      name       = "loan_features"
      location   = "gold/loan_features/"
      format     = "parquet"
      columns    = [{ name = "loan_id", type = "string", comment = "" }]
      partitions = [{ name = "event_month", type = "string", comment = "" }]
    }
    "gold.transaction_features" = {
      zone       = "gold"
      name       = "transaction_features"
      location   = "gold/transaction_features/"
      format     = "parquet"
      columns    = [{ name = "transaction_id", type = "string", comment = "" }, { name = "amount", type = "double", comment = "" }, { name = "age", type = "double", comment = "" }]
      partitions = [{ name = "event_date", type = "string", comment = "" }]
    }
    "quarantine.quarantine" = {
      zone       = "quarantine"
      name       = "quarantine"
      location   = "quarantine/"
      format     = "json"
      columns    = [{ name = "reasons", type = "array<string>", comment = "" }]
      partitions = [{ name = "entity", type = "string", comment = "" }]
    }
    "silver.fraud_labels" = {
      zone = "silver", name = "fraud_labels", location = "silver/fraud_labels/", format = "parquet", columns = [], partitions = []
    }
    "silver.loan_applications" = {
      zone = "silver", name = "loan_applications", location = "silver/loan_applications/", format = "parquet", columns = [], partitions = []
    }
    "silver.loan_outcomes" = {
      zone = "silver", name = "loan_outcomes", location = "silver/loan_outcomes/", format = "parquet", columns = [], partitions = []
    }
    "silver.transactions" = {
      zone = "silver", name = "transactions", location = "silver/transactions/", format = "parquet", columns = [], partitions = []
    }
    "decisions.decisions" = {
      zone       = "decisions"
      name       = "decisions"
      location   = "decisions/"
      format     = "json"
      columns    = [{ name = "transaction_id", type = "string", comment = "" }]
      partitions = [{ name = "decision_date", type = "string", comment = "" }]
    }
    "predictions.credit_decisions" = {
      zone       = "predictions"
      name       = "credit_decisions"
      location   = "predictions/credit_decisions/"
      format     = "json"
      columns    = [{ name = "customer_id", type = "string", comment = "" }]
      partitions = [for name in ["period", "started_at", "run"] : { name = name, type = "string", comment = "" }]
    }
    "predictions.loan_answers" = {
      zone       = "predictions"
      name       = "loan_answers"
      location   = "predictions/loan_answers/"
      format     = "json"
      columns    = [{ name = "customer_id", type = "string", comment = "" }]
      partitions = [{ name = "day", type = "string", comment = "" }]
    }
    "predictions.predictions" = {
      zone       = "predictions"
      name       = "predictions"
      location   = "predictions/"
      format     = "csv"
      columns    = [{ name = "customer_id", type = "string", comment = "" }]
      partitions = [{ name = "month", type = "string", comment = "" }]
    }
  }
}

run "tells_the_crawlers_and_the_workgroup" {
  command = plan

  assert {
    condition     = output.crawlers == { decisions = "risk-dev-decisions", raw = "risk-dev-raw" } && output.workgroup.predictions_database == "risk_dev_predictions"
    error_message = "State machines find crawlers and database by these outputs."
  }
}

run "refuses_a_format_that_no_reader_is_known_for" {
  command = plan

  variables {
    tables = {
      for name in [
        "decisions.decisions", "gold.transaction_features", "predictions.predictions", "quarantine.quarantine",
        "silver.fraud_labels", "silver.loan_applications", "silver.loan_outcomes", "silver.transactions",
      ] :
      name => {
        zone = split(".", name)[0], name = split(".", name)[1], location = "", format = "orc", columns = [], partitions = []
      }
    }
  }

  expect_failures = [var.tables]
}

run "refuses_to_answer_from_tables_that_are_missing" {
  command = plan

  variables {
    tables = {}
  }

  expect_failures = [var.tables]
}
