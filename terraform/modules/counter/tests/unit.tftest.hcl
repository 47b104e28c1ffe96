# What the counter is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  code           = { "lambda/merchants" = { bucket = "risk-dev-artifacts", key = "lambda/merchants/1/merchants.zip", hash = "hash", layers = [] } }
  kms_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  namespace      = "Risk/dev"
  prefix         = "risk-dev"
  stream         = { arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants", failed_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-merchants-failed" }
  traffic_groups = { TRAFFIC_GROUP = "risk-dev-traffic", DEVICE_TRAFFIC_GROUP = "risk-dev-device-traffic" }
}

run "counts_payments_by_merchant_and_drops_none_without_a_word" {
  assert {
    condition     = aws_lambda_event_source_mapping.this.event_source_arn == var.stream.arn
    error_message = "The counter reads the payments by merchant: two shards must not write one record."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.destination_config[0].on_failure[0].destination_arn == var.stream.failed_queue_arn
    error_message = "What was not counted must be heard of."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.starting_position == "TRIM_HORIZON"
    error_message = "However the stream door reads: LATEST misses what arrives while the mapping is made."
  }
}
