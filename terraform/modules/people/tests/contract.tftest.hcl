# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  api_execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:api1234567"
  catalog           = { database_prefix = "risk_dev", workgroup_arn = "arn:aws:athena:eu-west-1:111122223333:workgroup/risk-dev" }
  lake              = { arn = "arn:aws:s3:::risk-dev-lake", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000" }
  prefix            = "risk-dev"
  state             = { arn = "arn:aws:s3:::risk-dev-state", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111" }
  stream            = { arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-transactions", failed_queue_arns = ["arn:aws:sqs:eu-west-1:111122223333:risk-dev-stream-failed"] }

  operated = {
    abort_alarm    = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:risk-dev-guard-abort"
    documents      = { lists = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-lists", policies = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-policies", releases = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-releases" }
    endpoint       = "risk-dev-fraud"
    problems       = ["credit", "fraud"]
    state_machines = { nightly = "arn:aws:states:eu-west-1:111122223333:stateMachine:risk-dev-nightly" }
  }

  people = {
    analyst  = ["arn:aws:iam::111122223333:role/analysts"]
    approver = ["arn:aws:iam::111122223333:user/ann"]
    operator = []
    uploader = ["arn:aws:iam::111122223333:role/bank"]
  }
}

run "refuses_that_the_console_takes_more_than_its_pages_need" {
  command = plan

  variables {
    signed_in = { console = "arn:aws:iam::111122223333:role/risk-dev-console", takes = { operator = "operators" } }
  }

  expect_failures = [var.signed_in]
}

run "refuses_roles_for_a_console_that_is_none" {
  command = plan

  variables {
    signed_in = { takes = { reviewer = "reviewers" } }
  }

  expect_failures = [var.signed_in]
}

run "refuses_a_role_that_it_does_not_know" {
  command = plan

  variables {
    people = { admin = ["arn:aws:iam::111122223333:root"] }
  }

  expect_failures = [var.people]
}
