# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  code            = { bucket = "risk-dev-artifacts", key = "lambda/decide/1/decide.zip", hash = "hash", layers = [] }
  description     = "Decides"
  handler         = "decide.handler.handle"
  kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  name            = "risk-dev-decide"
  timeout_seconds = 5

  permissions = {
    Pass = {
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::111122223333:role/model"]
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
  }
}

run "refuses_a_handler_of_another_shape" {
  command = plan

  variables {
    handler = "decide.main"
  }

  expect_failures = [var.handler]
}

run "refuses_a_key_that_is_no_arn" {
  command = plan

  variables {
    kms_key_arn = "alias/aws/lambda"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_memory_that_lambda_does_not_offer" {
  command = plan

  variables {
    memory_mb = 64
  }

  expect_failures = [var.memory_mb]
}

run "refuses_a_run_that_lambda_would_cut" {
  command = plan

  variables {
    timeout_seconds = 901
  }

  expect_failures = [var.timeout_seconds]
}
