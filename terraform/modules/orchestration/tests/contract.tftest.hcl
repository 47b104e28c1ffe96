# What the module refuses, and what it promises its callers.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  processing = {
    code_uri      = "s3://risk-dev-artifacts/training/code/1/code.tar.gz"
    image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
    instance_type = "ml.m5.xlarge"
    roles         = { credit-watch = "arn:aws:iam::111122223333:role/risk-dev-credit-watch", decide-loans = "arn:aws:iam::111122223333:role/risk-dev-decide-loans", drift = "arn:aws:iam::111122223333:role/risk-dev-drift", fraud-watch = "arn:aws:iam::111122223333:role/risk-dev-fraud-watch", score-set = "arn:aws:iam::111122223333:role/risk-dev-score-set" }
  }

  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  athena_workgroup = { name = "risk-dev", arn = "arn:aws:athena:eu-west-1:111122223333:workgroup/risk-dev", predictions_database = "risk_dev_predictions" }
  crawlers         = { decisions = "risk-dev-decisions", raw = "risk-dev-raw" }
  namespace        = "Risk"
  prefix           = "risk-dev"
  seal             = { code = { bucket = "risk-dev-artifacts", key = "lambda/seal/1/seal.zip", hash = "hash", layers = [] } }

  jobs = {
    raw_to_bronze    = "risk-dev-raw-to-bronze"
    bronze_to_silver = "risk-dev-bronze-to-silver"
    silver_to_gold   = "risk-dev-silver-to-gold"
    publish_features = "risk-dev-publish-features"
    check_parity     = "risk-dev-check-parity"
  }
}

run "tells_machines_by_short_name" {
  assert {
    condition     = keys(output.arns) == ["drift", "nightly", "score-loans"]
    error_message = "Alarms find machines by their short names."
  }
}

run "refuses_a_nightly_run_without_one_of_its_jobs" {
  command = plan

  variables {
    jobs = { raw_to_bronze = "risk-dev-raw-to-bronze" }
  }

  expect_failures = [var.jobs]
}

run "refuses_a_crawler_whose_name_cannot_name_states" {
  command = plan

  variables {
    crawlers = { "raw files" = "risk-dev-raw" }
  }

  expect_failures = [var.crawlers]
}

run "refuses_an_instance_type_of_another_service" {
  command = plan

  variables {
    processing = {
      code_uri      = "s3://risk-dev-artifacts/training/code/1/code.tar.gz"
      image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
      instance_type = "m5.xlarge"
      roles         = { credit-watch = "arn:aws:iam::111122223333:role/risk-dev-credit-watch", decide-loans = "arn:aws:iam::111122223333:role/risk-dev-decide-loans", drift = "arn:aws:iam::111122223333:role/risk-dev-drift", fraud-watch = "arn:aws:iam::111122223333:role/risk-dev-fraud-watch", score-set = "arn:aws:iam::111122223333:role/risk-dev-score-set" }
    }
  }

  expect_failures = [var.processing]
}

run "refuses_a_schedule_in_words" {
  command = plan

  variables {
    schedules = { enabled = true, nightly = "every night", drift = "rate(1 day)", score-loans = "rate(30 days)" }
  }

  expect_failures = [var.schedules]
}
