# What the stack refuses, and the names that it promises.

mock_provider "aws" {
  source = "../mocks"
}

variables {
  account_ids = ["111122223333"]
  environment = "dev"
  region      = "eu-west-1"

  feature_groups = {
    account        = { identifier = "customer_id", features = [{ name = "customer_id", type = "String" }] }
    customer       = { identifier = "customer_id", features = [{ name = "customer_id", type = "String" }] }
    device         = { identifier = "device_id", features = [{ name = "device_id", type = "String" }] }
    loan-applicant = { identifier = "loan_id", features = [{ name = "loan_id", type = "String" }] }
    merchant       = { identifier = "merchant_id", features = [{ name = "merchant_id", type = "String" }] }
    traffic        = { identifier = "merchant_id", features = [{ name = "merchant_id", type = "String" }] }

    device-traffic  = { identifier = "device_id", features = [{ name = "device_id", type = "String" }] }
    address-traffic = { identifier = "ip", features = [{ name = "ip", type = "String" }] }
  }

  tables = {
    for name in [
      "decisions.decisions", "gold.transaction_features", "predictions.credit_decisions",
      "predictions.loan_answers", "predictions.predictions", "quarantine.quarantine",
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
    condition     = output.feature_groups.all["customer"] == "risk-dev-customer" && output.catalog.database_prefix == "risk_dev"
    error_message = "The platform and the commands find things by these names."
  }

  assert {
    condition     = setsubtract(keys(output.feature_groups.all), keys(output.feature_groups.published)) == toset(["traffic", "device-traffic", "address-traffic"])
    error_message = "The night publishes all groups but the traffic, which payments move."
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

run "refuses_a_stream_without_shards" {
  command = plan

  variables {
    shards = 0
  }

  expect_failures = [var.shards]
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::111122223333:role/admin"
  }

  expect_failures = [var.boundary_arn]
}

run "refuses_a_witness_of_data_that_may_be_destroyed" {
  command = plan

  variables {
    keep_data = false
    witness   = { mode = "GOVERNANCE", days = 365 }
  }

  expect_failures = [var.witness]
}

run "has_no_trail_unless_it_is_asked_to" {
  command = plan

  assert {
    condition     = length(module.trail) == 0 && output.trail == null
    error_message = "It costs by the event, and an organisation has one of its own."
  }
}

run "has_a_trail_where_it_is_asked_to" {
  command = plan

  variables {
    audit_trail = true
  }

  assert {
    condition     = output.trail.log_group == "/aws/cloudtrail/risk-dev-trail"
    error_message = "Alarms look at this log."
  }
}
