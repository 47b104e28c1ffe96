# What the module refuses, and what it promises its callers.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  failed          = { name = "risk-dev-stream-failed", retention_seconds = 1209600 }
  kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  name            = "risk-dev-transactions"
  retention_hours = 168
  shards          = 2
}

run "tells_stream_and_queue" {
  command = plan

  assert {
    condition     = output.stream.name == "risk-dev-transactions" && output.failed_queue.name == "risk-dev-stream-failed"
    error_message = "Producers and alarms find them by these names."
  }
}

run "refuses_a_stream_without_shards" {
  command = plan

  variables {
    shards = 0
  }

  expect_failures = [var.shards]
}

run "refuses_a_key_that_is_no_arn" {
  command = plan

  variables {
    kms_key_arn = "alias/aws/kinesis"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_less_than_kinesis_keeps" {
  command = plan

  variables {
    retention_hours = 12
  }

  expect_failures = [var.retention_hours]
}

run "refuses_a_queue_that_forgets_at_once" {
  command = plan

  variables {
    failed = { name = "risk-dev-stream-failed", retention_seconds = 1 }
  }

  expect_failures = [var.failed]
}
