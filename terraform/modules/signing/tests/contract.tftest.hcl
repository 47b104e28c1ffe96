# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  keep_data = false
  prefix    = "risk-dev"
}

run "refuses_a_prefix_that_is_no_name" {
  command = plan

  variables {
    prefix = "Risk Dev"
  }

  expect_failures = [var.prefix]
}
