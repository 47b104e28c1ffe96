# What the catalog is made of. The first run builds, the others look at what it has built.

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

run "has_a_database_per_zone_and_one_for_what_is_crawled" {
  assert {
    condition     = toset([for database in aws_glue_catalog_database.this : database.name]) == toset(["risk_dev_raw", "risk_dev_gold", "risk_dev_decisions", "risk_dev_predictions"])
    error_message = "Databases are named <prefix>_<zone>."
  }

  assert {
    condition     = aws_glue_catalog_table.this["gold.loan_features"].storage_descriptor[0].location == "s3://risk-dev-lake-111122223333/gold/loan_features/"
    error_message = "A table lies where its declaration says."
  }

  assert {
    condition     = strcontains(aws_glue_catalog_table.this["decisions.decisions"].storage_descriptor[0].ser_de_info[0].serialization_library, "JsonSerDe")
    error_message = "A table is read in its own format."
  }
}

run "encrypts_answers_and_lets_no_client_choose_otherwise" {
  command = plan

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration
    error_message = "Clients must not choose where answers lie."
  }

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == var.lake.kms_key_arn
    error_message = "Answers are encrypted by the lake's key."
  }
}

run "crawls_with_a_role_that_reads_its_zones_only" {
  command = plan

  assert {
    condition = toset(flatten([for s in data.aws_iam_policy_document.crawler.statement : s.resources if contains(s.actions, "s3:GetObject")])) == toset([
      "arn:aws:s3:::risk-dev-lake-111122223333/decisions/*", "arn:aws:s3:::risk-dev-lake-111122223333/raw/*",
    ])
    error_message = "The crawler reads decisions and RAW, nothing else."
  }
}
