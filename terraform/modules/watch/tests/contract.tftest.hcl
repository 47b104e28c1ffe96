# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  entities       = { brought = ["loan_applications", "transactions"], vectors = ["transaction_features"], published = ["customer", "loan-applicant"] }
  queues         = { approvals = "risk-dev-release.fifo", reviews = "risk-dev-reviews", failed = { stream = "risk-dev-stream-failed", merchants = "risk-dev-merchants-failed", release = "risk-dev-release-failed.fifo", reviews = "risk-dev-reviews-failed" } }
  functions      = { decide = "risk-dev-decide", merchants = "risk-dev-merchants", release = "risk-dev-release", stream = "risk-dev-stream" }
  key            = { arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000" }
  namespace      = "Risk"
  prefix         = "risk-dev"
  state_machines = { nightly = "arn:aws:states:eu-west-1:111122223333:stateMachine:risk-dev-nightly" }
}

run "refuses_to_watch_without_the_stream_door" {
  command = plan

  variables {
    functions = { merchants = "risk-dev-merchants" }
  }

  expect_failures = [var.functions]
}

run "refuses_a_heartbeat_that_cloudwatch_cannot_see" {
  command = plan

  variables {
    heartbeats = { night_hours = 200, payments_hours = null }
  }

  expect_failures = [var.heartbeats]
}

run "refuses_a_subscriber_without_an_address" {
  command = plan

  variables {
    subscribers = ["the team"]
  }

  expect_failures = [var.subscribers]
}
