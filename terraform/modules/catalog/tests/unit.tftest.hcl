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

run "has_a_database_per_zone_and_one_for_what_is_crawled" {
  assert {
    condition     = toset([for database in aws_glue_catalog_database.this : database.name]) == toset([for zone in ["analytics", "decisions", "gold", "predictions", "quarantine", "raw", "silver"] : "risk_dev_${zone}"])
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

run "writes_views_as_athena_reads_them" {
  assert {
    condition     = alltrue([for view in aws_glue_catalog_table.view : view.table_type == "VIRTUAL_VIEW" && view.parameters["presto_view"] == "true"])
    error_message = "Athena knows a view by its kind and by this parameter."
  }

  assert {
    condition = jsondecode(base64decode(regex("Presto View: ([^ ]+)", aws_glue_catalog_table.view["decisions_by_action"].view_original_text)[0])).columns[0] == {
      name = "decision_date", type = "varchar"
    }
    error_message = "The text names columns by Athena's types."
  }

  assert {
    condition     = aws_glue_catalog_table.view["decisions_by_action"].storage_descriptor[0].columns[0].type == "string"
    error_message = "The catalog names columns by its own types."
  }

  assert {
    condition     = strcontains(local.views["feature_parity_by_day"].sql, "ARRAY[amount, age] AS vector") && !strcontains(local.views["feature_parity_by_day"].sql, "-- decision_date")
    error_message = "The vector is GOLD's numbers in their order, and the text begins with the query."
  }

  assert {
    condition     = alltrue([for name, view in local.views : length(view.columns) > 0 && view.comment != ""])
    error_message = "Every view says what it answers, and declares its columns."
  }
}

run "knows_quarantine_without_a_crawler" {
  command = plan

  assert {
    condition     = aws_glue_catalog_table.this["quarantine.quarantine"].parameters["projection.entity.values"] == "fraud_labels,loan_applications,loan_outcomes,stream,transactions"
    error_message = "Quarantine is divided by the entities that SILVER has."
  }

  assert {
    condition     = aws_glue_catalog_table.this["quarantine.quarantine"].parameters["storage.location.template"] == "s3://risk-dev-lake-111122223333/quarantine/$${entity}/"
    error_message = "An entity's rows lie in the folder of its name."
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
    condition = toset(flatten([for s in module.crawler.permissions : s.resources if contains(s.actions, "s3:GetObject")])) == toset([
      "arn:aws:s3:::risk-dev-lake-111122223333/decisions/*", "arn:aws:s3:::risk-dev-lake-111122223333/raw/*",
    ])
    error_message = "The crawler reads decisions and RAW, nothing else."
  }
}

run "crawls_no_folder_of_a_table_that_is_declared" {
  assert {
    condition = !anytrue(flatten([
      for crawler in aws_glue_crawler.this : [
        for target in crawler.s3_target : [
          for table in aws_glue_catalog_table.this : startswith(table.storage_descriptor[0].location, target.path) || startswith(target.path, table.storage_descriptor[0].location)
        ]
      ]
    ]))
    error_message = "A crawl of its files could change a declared table."
  }

  assert {
    condition     = one(aws_glue_crawler.this["decisions"].catalog_target).tables == tolist(["decisions"]) && one(aws_glue_crawler.this["decisions"].catalog_target).database_name == "risk_dev_decisions"
    error_message = "The crawler finds the days of the table of decisions."
  }

  assert {
    condition     = one(aws_glue_crawler.this["decisions"].schema_change_policy).update_behavior == "LOG" && alltrue([for crawler in aws_glue_crawler.this : one(crawler.schema_change_policy).delete_behavior == "LOG"])
    error_message = "What a crawl finds changed is logged, and no table is deleted."
  }
}

run "crawls_raw_without_what_is_declared_beside_the_batches" {
  command = plan

  assert {
    condition     = one(aws_glue_crawler.this["raw"].s3_target).exclusions == tolist(["columns.yaml"])
    error_message = "A file beside the folders of entities makes the crawl of RAW fail."
  }
}
