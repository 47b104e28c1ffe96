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
    "decisions.decisions" = {
      zone       = "decisions"
      name       = "decisions"
      location   = "decisions/"
      format     = "json"
      columns    = [{ name = "transaction_id", type = "string", comment = "" }]
      partitions = [{ name = "decision_date", type = "string", comment = "" }]
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

run "tells_the_crawler_and_the_workgroup" {
  command = plan

  assert {
    condition     = output.decisions_crawler == "risk-dev-decisions" && output.workgroup.predictions_database == "risk_dev_predictions"
    error_message = "State machines find crawler and database by these outputs."
  }
}

run "refuses_a_format_that_no_reader_is_known_for" {
  command = plan

  variables {
    tables = {
      "decisions.decisions" = {
        zone = "decisions", name = "decisions", location = "decisions/", format = "orc", columns = [], partitions = []
      }
      "predictions.predictions" = {
        zone = "predictions", name = "predictions", location = "predictions/", format = "csv", columns = [], partitions = []
      }
    }
  }

  expect_failures = [var.tables]
}

run "refuses_tables_without_decisions_and_predictions" {
  command = plan

  variables {
    tables = {}
  }

  expect_failures = [var.tables]
}
