# What the feature store is made of. The first run builds, the others look at what it has built.

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

run "makes_the_groups_that_payments_move_after_the_others" {
  command = plan

  variables {
    counted         = { traffic = null, address-traffic = 2 }
    later           = ["device"]
    online_ttl_days = 400

    groups = {
      customer = { identifier = "customer_id", features = [{ name = "customer_id", type = "String" }] }
      device   = { identifier = "device_id", features = [{ name = "device_id", type = "String" }] }
      traffic  = { identifier = "merchant_id", features = [{ name = "merchant_id", type = "String" }] }

      address-traffic = { identifier = "ip", features = [{ name = "ip", type = "String" }] }
    }
  }

  assert {
    condition     = output.names.published == { customer = "risk-dev-customer", device = "risk-dev-device" } && output.names.all == { customer = "risk-dev-customer", device = "risk-dev-device", traffic = "risk-dev-traffic", address-traffic = "risk-dev-address-traffic" }
    error_message = "The night publishes what payments do not move."
  }

  assert {
    condition     = local.days_kept == { customer = 400, device = 400, traffic = 400, address-traffic = 2 }
    error_message = "What only the last day asks about is not kept for longer."
  }
}

run "makes_any_number_of_groups_of_declared_entities_after_all_others" {
  command = plan

  variables {
    declared = ["card", "card-traffic", "network", "street", "till"]

    counted = { card-traffic = 2 }

    groups = {
      card    = { identifier = "card_id", features = [{ name = "card_id", type = "String" }] }
      network = { identifier = "network_of", features = [{ name = "network_of", type = "String" }] }
      street  = { identifier = "street_of", features = [{ name = "street_of", type = "String" }] }
      till    = { identifier = "till_number", features = [{ name = "till_number", type = "String" }] }

      card-traffic = { identifier = "card_id", features = [{ name = "card_id", type = "String" }] }
    }
  }

  assert {
    condition     = keys(module.declared) == ["card", "card-traffic", "network", "street", "till"] && length(module.later) == 0
    error_message = "They wait for all others, and are made once."
  }

  assert {
    condition     = keys(output.names.published) == ["card", "network", "street", "till"] && local.days_kept["card-traffic"] == 2
    error_message = "The night publishes what payments do not move."
  }
}

run "writes_the_offline_store_and_nothing_else" {
  command = plan

  assert {
    condition     = !anytrue([for s in module.role.permissions : contains(s.resources, "*")])
    error_message = "The offline store's role is bound to the lake and its tables."
  }
}
