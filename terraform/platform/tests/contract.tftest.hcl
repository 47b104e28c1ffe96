# What the platform refuses, and the names that it promises.

mock_provider "aws" {
  source = "../mocks"
}

override_data {
  target = data.terraform_remote_state.data

  values = {
    outputs = {
      answers = { name = "risk-dev-answers", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers" }
      cases = {
        table             = { name = "risk-dev-cases", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-cases" }
        answers_topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-case-decisions"
      }
      lists           = { name = "risk-dev-lists", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-lists" }
      tails           = { name = "risk-dev-tails", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-tails" }
      signing_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111"
      reviews = {
        topic_arn    = "arn:aws:sns:eu-west-1:111122223333:risk-dev-reviews"
        queue        = { name = "risk-dev-reviews", arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-reviews" }
        failed_queue = { name = "risk-dev-reviews-failed", arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-reviews-failed" }
      }

      catalog = {
        crawlers        = { decisions = "risk-dev-decisions", raw = "risk-dev-raw" }
        database_prefix = "risk_dev"
        workgroup       = { name = "risk-dev", arn = "arn:aws:athena:eu-west-1:111122223333:workgroup/risk-dev", predictions_database = "risk_dev_predictions" }
      }

      entities = { brought = ["transactions"], vectors = ["transaction_features"] }

      feature_groups = {
        all       = { account = "risk-dev-account", address-traffic = "risk-dev-address-traffic", device-traffic = "risk-dev-device-traffic", customer = "risk-dev-customer", device = "risk-dev-device", loan-applicant = "risk-dev-loan-applicant", merchant = "risk-dev-merchant", traffic = "risk-dev-traffic" }
        published = { account = "risk-dev-account", customer = "risk-dev-customer", device = "risk-dev-device", loan-applicant = "risk-dev-loan-applicant", merchant = "risk-dev-merchant" }
      }

      lake = {
        name        = "risk-dev-lake-111122223333"
        arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
        kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
      }

      problems = ["credit", "fraud"]

      approvals = { name = "risk-dev-release.fifo", arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-release.fifo", failed_queue = "risk-dev-release-failed.fifo" }

      streams = {
        merchants    = { name = "risk-dev-merchants", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants", failed_queue = "risk-dev-merchants-failed", failed_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-merchants-failed" }
        transactions = { name = "risk-dev-transactions", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-transactions", failed_queue = "risk-dev-stream-failed", failed_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-stream-failed" }
      }
    }
  }
}

variables {
  account_ids = ["111122223333"]
  environment = "dev"
  region      = "eu-west-1"

  artifacts = {
    "glue/jobs/bronze_to_silver" = { key = "glue/jobs/bronze_to_silver/1/bronze_to_silver.py", hash = "hash" }
    "glue/jobs/check_parity"     = { key = "glue/jobs/check_parity/1/check_parity.py", hash = "hash" }
    "glue/jobs/forget_customer"  = { key = "glue/jobs/forget_customer/1/forget_customer.py", hash = "hash" }
    "glue/jobs/publish_features" = { key = "glue/jobs/publish_features/1/publish_features.py", hash = "hash" }
    "glue/jobs/raw_to_bronze"    = { key = "glue/jobs/raw_to_bronze/1/raw_to_bronze.py", hash = "hash" }
    "glue/jobs/silver_to_gold"   = { key = "glue/jobs/silver_to_gold/1/silver_to_gold.py", hash = "hash" }
    "glue/library"               = { key = "glue/library/1/risk_platform-0.1.0-py3-none-any.whl", hash = "hash" }
    "glue/wheels"                = { key = "glue/wheels/1/packages.gluewheels.zip", hash = "hash" }
    "lambda/cases"               = { key = "lambda/cases/1/cases.zip", hash = "hash" }
    "lambda/intake"              = { key = "lambda/intake/1/intake.zip", hash = "hash" }
    "lambda/decide"              = { key = "lambda/decide/1/decide.zip", hash = "hash" }
    "lambda/document"            = { key = "lambda/document/1/document.zip", hash = "hash" }
    "lambda/labels"              = { key = "lambda/labels/1/labels.zip", hash = "hash" }
    "lambda/lists"               = { key = "lambda/lists/1/lists.zip", hash = "hash" }
    "lambda/loans"               = { key = "lambda/loans/1/loans.zip", hash = "hash" }
    "lambda/merchants"           = { key = "lambda/merchants/1/merchants.zip", hash = "hash" }
    "lambda/release"             = { key = "lambda/release/1/release.zip", hash = "hash" }
    "lambda/seal"                = { key = "lambda/seal/1/seal.zip", hash = "hash" }
    "lambda/stream"              = { key = "lambda/stream/1/stream.zip", hash = "hash" }
    "layers/boto3"               = { key = "layers/boto3/1/boto3.zip", hash = "hash" }
    "models/bootstrap"           = { key = "models/bootstrap/1/model.tar.gz", hash = "hash" }
    "training/code"              = { key = "training/code/1/code.tar.gz", hash = "hash" }
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

run "refuses_an_account_that_nobody_named" {
  command = plan

  variables {
    account_ids = []
  }

  expect_failures = [var.account_ids]
}

run "refuses_a_prefix_that_leaves_jobs_no_room_for_a_name" {
  command = plan

  variables {
    prefix = "creditandfraud"
  }

  expect_failures = [var.prefix]
}

run "refuses_an_image_without_a_digest" {
  command = plan

  variables {
    image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
  }

  expect_failures = [var.image]
}

run "lets_doors_night_and_counter_reach_the_groups_of_declared_entities_before_they_are_there" {
  command = plan

  variables {
    declared_groups = ["card", "card-traffic"]
  }

  assert {
    condition     = local.scoring.environment["CARD_GROUP"] == "risk-dev-card" && local.scoring.environment["CARD_TRAFFIC_GROUP"] == "risk-dev-card-traffic"
    error_message = "Both doors are told where the records lie."
  }

  assert {
    condition     = length(local.scoring.permissions.ReadRecords.resources) == 9 && alltrue([for group in ["card", "card-traffic"] : anytrue([for arn in local.scoring.permissions.ReadRecords.resources : endswith(arn, ":feature-group/risk-dev-${group}")])])
    error_message = "They may read these, and no other than before."
  }

  assert {
    condition     = local.published["card"] == "risk-dev-card" && !contains(keys(local.published), "card-traffic")
    error_message = "The night publishes what payments do not move."
  }
}

run "knows_no_groups_but_ours_where_nobody_declares_an_entity" {
  command = plan

  assert {
    condition     = length(local.records) == 7 && local.published == local.held.feature_groups.published
    error_message = "Nothing is read that nobody asked for."
  }
}

run "refuses_a_declared_group_that_no_name_can_hold" {
  command = plan

  variables {
    declared_groups = ["Card"]
  }

  expect_failures = [var.declared_groups]
}

run "runs_in_a_network_of_its_own_where_it_is_asked_to" {
  command = plan

  variables {
    network = { cidr = "10.20.0.0/20" }
  }

  assert {
    condition     = length(module.network) == 1
    error_message = "The network is an option."
  }
}

run "refuses_fewer_instances_at_most_than_at_least" {
  command = plan

  variables {
    sizing = { endpoint = { instances = 3, most_instances = 2 } }
  }

  expect_failures = [var.sizing]
}

run "refuses_an_instance_type_of_another_service" {
  command = plan

  variables {
    sizing = { jobs = { instance_type = "m5.xlarge" } }
  }

  expect_failures = [var.sizing]
}

run "refuses_a_memory_that_serverless_does_not_offer" {
  command = plan

  variables {
    sizing = { endpoint = { serverless_memory_mb = 1500 } }
  }

  expect_failures = [var.sizing]
}

run "refuses_a_memory_that_serverless_does_not_offer_for_single_loans" {
  command = plan

  variables {
    sizing = { loans = { serverless_memory_mb = 1500 } }
  }

  expect_failures = [var.sizing]
}

run "refuses_a_job_without_a_worker_beside_its_driver" {
  command = plan

  variables {
    sizing = { glue = { workers = 1 } }
  }

  expect_failures = [var.sizing]
}

run "refuses_days_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    sizing = { log_retention_days = 100 }
  }

  expect_failures = [var.sizing]
}

run "refuses_a_stream_that_is_read_from_the_middle" {
  command = plan

  variables {
    sizing = { stream = { read_from = "AT_TIMESTAMP" } }
  }

  expect_failures = [var.sizing]
}

run "refuses_an_alarm_behind_the_gate" {
  command = plan

  variables {
    sizing = { thresholds = { quarantined_share = 0.2 } }
  }

  expect_failures = [var.sizing]
}

run "refuses_more_requests_than_an_account_has" {
  command = plan

  variables {
    sizing = { api = { requests_per_second = 20000 } }
  }

  expect_failures = [var.sizing]
}

run "refuses_a_role_of_people_that_it_does_not_know" {
  command = plan

  variables {
    people = { roles = { admin = ["arn:aws:iam::111122223333:root"] } }
  }

  expect_failures = [var.people]
}

run "refuses_that_the_console_takes_a_role_that_its_pages_do_not_need" {
  command = plan

  variables {
    people = {
      console = {
        groups    = { operator = "operators" }
        network   = { vpc_id = "vpc-0a", subnet_ids = ["subnet-0a", "subnet-0b"], reached_from = ["10.0.0.0/8"], access_logs_bucket = "logs" }
        served_as = { hostname = "console.bank.example", certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/1" }
        oidc      = { issuer = "https://login.bank.example", authorization_endpoint = "https://login.bank.example/a", token_endpoint = "https://login.bank.example/t", user_info_endpoint = "https://login.bank.example/u", client_id = "console" }
      }
    }
  }

  expect_failures = [var.people]
}

run "gives_a_console_the_roles_of_people_and_no_more" {
  command = plan

  variables {
    people = {
      console = {
        groups    = { reader = "readers", reviewer = "reviewers", policy-owner = "owners" }
        network   = { vpc_id = "vpc-0a", subnet_ids = ["subnet-0a", "subnet-0b"], reached_from = ["10.0.0.0/8"], access_logs_bucket = "logs" }
        served_as = { hostname = "console.bank.example", certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/1" }
        oidc      = { issuer = "https://login.bank.example", authorization_endpoint = "https://login.bank.example/a", token_endpoint = "https://login.bank.example/t", user_info_endpoint = "https://login.bank.example/u", client_id = "console" }
      }
    }
  }

  assert {
    condition     = local.taken == { policy-owner = "arn:aws:iam::111122223333:role/risk-dev-policy-owner", reviewer = "arn:aws:iam::111122223333:role/risk-dev-reviewer" } && length(module.console) == 1
    error_message = "A reader looks, and acts in nobody's name."
  }
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::111122223333:role/admin"
  }

  expect_failures = [var.boundary_arn]
}

run "refuses_more_instances_that_wait_than_are_reserved" {
  command = plan

  variables {
    sizing = { api = { provisioned_concurrency = 5 }, concurrency = { decide = 4 } }
  }

  expect_failures = [var.sizing]
}
