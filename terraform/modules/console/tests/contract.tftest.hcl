# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  image_digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
  kms_key_arn  = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  outputs      = "{\"prefix\":\"risk-dev\"}"
  prefix       = "risk-dev"
  reads        = { Ask = { actions = ["athena:GetQueryExecution"], resources = ["arn:aws:athena:eu-west-1:111122223333:workgroup/risk-dev"] } }
  served_as    = { hostname = "console.bank.example", certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/1", alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-alarms" }

  network = {
    vpc_id             = "vpc-0a"
    subnet_ids         = ["subnet-0a", "subnet-0b"]
    reached_from       = ["10.0.0.0/8"]
    access_logs_bucket = "logs"
  }

  oidc = {
    issuer                 = "https://login.bank.example"
    authorization_endpoint = "https://login.bank.example/authorize"
    token_endpoint         = "https://login.bank.example/token"
    user_info_endpoint     = "https://login.bank.example/userinfo"
    client_id              = "console"
  }

  roles = {
    reader   = { group = "readers" }
    reviewer = { group = "reviewers", arn = "arn:aws:iam::111122223333:role/risk-dev-reviewer" }
  }
}

run "refuses_an_image_by_its_tag" {
  command = plan

  variables {
    image_digest = "1"
  }

  expect_failures = [var.image_digest]
}

run "refuses_a_key_that_is_no_arn" {
  command = plan

  variables {
    kms_key_arn = "alias/aws/ecr"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_a_single_subnet" {
  command = plan

  variables {
    network = {
      vpc_id             = "vpc-0a"
      subnet_ids         = ["subnet-0a"]
      reached_from       = ["10.0.0.0/8"]
      access_logs_bucket = "logs"
    }
  }

  expect_failures = [var.network]
}

run "refuses_to_be_reached_by_everybody" {
  command = plan

  variables {
    network = {
      vpc_id             = "vpc-0a"
      subnet_ids         = ["subnet-0a", "subnet-0b"]
      reached_from       = ["0.0.0.0/0"]
      access_logs_bucket = "logs"
    }
  }

  expect_failures = [var.network]
}

run "refuses_a_provider_without_tls" {
  command = plan

  variables {
    oidc = {
      issuer                 = "http://login.bank.example"
      authorization_endpoint = "https://login.bank.example/authorize"
      token_endpoint         = "https://login.bank.example/token"
      user_info_endpoint     = "https://login.bank.example/userinfo"
      client_id              = "console"
      scope                  = "openid"
    }
  }

  expect_failures = [var.oidc]
}

run "refuses_a_scope_without_openid" {
  command = plan

  variables {
    oidc = {
      issuer                 = "https://login.bank.example"
      authorization_endpoint = "https://login.bank.example/authorize"
      token_endpoint         = "https://login.bank.example/token"
      user_info_endpoint     = "https://login.bank.example/userinfo"
      client_id              = "console"
      scope                  = "email"
    }
  }

  expect_failures = [var.oidc]
}

run "refuses_outputs_that_are_none" {
  command = plan

  variables {
    outputs = "{}"
  }

  expect_failures = [var.outputs]
}

run "refuses_a_prefix_that_is_too_long" {
  command = plan

  variables {
    prefix = "risk-environment-of-somebody"
  }

  expect_failures = [var.prefix]
}

run "refuses_to_write" {
  command = plan

  variables {
    reads = { Write = { actions = ["dynamodb:PutItem"], resources = ["arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-policies"] } }
  }

  expect_failures = [var.reads]
}

run "refuses_a_role_that_the_console_does_not_take" {
  command = plan

  variables {
    roles = { operator = { group = "operators", arn = "arn:aws:iam::111122223333:role/risk-dev-operator" } }
  }

  expect_failures = [var.roles]
}

run "refuses_a_role_without_its_arn" {
  command = plan

  variables {
    roles = { reviewer = { group = "reviewers" } }
  }

  expect_failures = [var.roles]
}

run "refuses_a_group_that_no_session_can_be_tagged_with" {
  command = plan

  variables {
    roles = { reviewer = { group = "CN=reviewers,OU=risk", arn = "arn:aws:iam::111122223333:role/risk-dev-reviewer" } }
  }

  expect_failures = [var.roles]
}

run "refuses_to_be_served_without_a_certificate" {
  command = plan

  variables {
    served_as = { hostname = "console.bank.example", certificate_arn = "", alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-alarms" }
  }

  expect_failures = [var.served_as]
}

run "refuses_a_topic_that_is_none" {
  command = plan

  variables {
    served_as = { hostname = "console.bank.example", certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/1", alarm_topic_arn = "risk-dev-alarms" }
  }

  expect_failures = [var.served_as]
}
