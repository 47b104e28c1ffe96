# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  description = "The function that decides"
  name        = "risk-dev-decide"
  service     = "lambda"

  permissions = {
    Pass = {
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::111122223333:role/model"]
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
  }
}

run "refuses_a_name_that_iam_cannot_hold" {
  command = plan

  variables {
    name = "Risk_Dev"
  }

  expect_failures = [var.name]
}

run "refuses_a_statement_that_names_nothing" {
  command = plan

  variables {
    permissions = { Read = { actions = ["s3:GetObject"], resources = [] } }
  }

  expect_failures = [var.permissions]
}

run "refuses_an_action_that_is_not_named_whole" {
  command = plan

  variables {
    permissions = { All = { actions = ["s3:*"], resources = ["arn:aws:s3:::lake"] } }
  }

  expect_failures = [var.permissions]
}

run "refuses_every_resource_for_an_action_that_knows_some" {
  command = plan

  variables {
    permissions = { Read = { actions = ["s3:GetObject"], resources = ["*"] } }
  }

  expect_failures = [var.permissions]
}

run "refuses_a_service_that_takes_no_role_of_the_platform" {
  command = plan

  variables {
    service = "ec2"
  }

  expect_failures = [var.service]
}

run "refuses_everybody" {
  command = plan

  variables {
    people  = { principals = ["*"] }
    service = null
  }

  expect_failures = [var.people]
}

run "refuses_nobody" {
  command = plan

  variables {
    people  = { principals = [] }
    service = null
  }

  expect_failures = [var.people]
}

run "refuses_a_role_of_a_service_and_of_people" {
  command = plan

  variables {
    people = { principals = ["arn:aws:iam::111122223333:root"] }
  }

  expect_failures = [var.service]
}
