# What the doors are made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  alert_topic_arn   = "arn:aws:sns:eu-west-1:111122223333:risk-dev-fraud-alerts"
  artifacts_bucket  = "risk-dev-artifacts"
  endpoint_name     = "risk-dev-fraud"
  feature_groups    = { account = "risk-dev-account", customer = "risk-dev-customer", merchant = "risk-dev-merchant", traffic = "risk-dev-traffic" }
  prefix            = "risk-dev"
  release_parameter = "/risk-dev/fraud/release"
  shards            = 2

  code = {
    "lambda/decide"    = { key = "lambda/decide/1/decide.zip", hash = "hash" }
    "lambda/labels"    = { key = "lambda/labels/1/labels.zip", hash = "hash" }
    "lambda/merchants" = { key = "lambda/merchants/1/merchants.zip", hash = "hash" }
    "lambda/stream"    = { key = "lambda/stream/1/stream.zip", hash = "hash" }
  }
}

run "never_blocks_a_shard_and_keeps_what_failed" {
  assert {
    condition     = aws_lambda_event_source_mapping.stream.maximum_retry_attempts >= 0 && aws_lambda_event_source_mapping.stream.bisect_batch_on_function_error
    error_message = "Without a limit one bad payment blocks its shard for days."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.failed.arn
    error_message = "What was given up must be found again."
  }

  assert {
    condition     = contains(aws_lambda_event_source_mapping.stream.function_response_types, "ReportBatchItemFailures")
    error_message = "One failed payment must not repeat its batch."
  }

  # The queue's message holds sequence numbers, not payments: they are read from the stream again.
  assert {
    condition     = aws_kinesis_stream.transactions.retention_period >= 168 && aws_sqs_queue.failed.message_retention_seconds >= 168 * 3600
    error_message = "A week must be left to repair and replay."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream.starting_position == "TRIM_HORIZON"
    error_message = "LATEST misses what arrives while the mapping is made."
  }
}

run "counts_payments_by_merchant_and_drops_none_without_a_word" {
  assert {
    condition     = aws_lambda_event_source_mapping.merchants.event_source_arn == aws_kinesis_stream.merchants.arn
    error_message = "The counter reads the payments by merchant: two shards must not write one record."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.merchants.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.uncounted.arn
    error_message = "What was not counted must be heard of."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.merchants.starting_position == "TRIM_HORIZON"
    error_message = "However the stream door reads: LATEST misses what arrives while the mapping is made."
  }

  assert {
    condition     = aws_kinesis_stream.merchants.kms_key_id == var.lake.kms_key_arn
    error_message = "The stream is encrypted."
  }
}

run "encrypts_payments_on_their_way" {
  command = plan

  assert {
    condition     = aws_kinesis_stream.transactions.kms_key_id == var.lake.kms_key_arn && aws_sqs_queue.failed.sqs_managed_sse_enabled
    error_message = "Stream and queue are encrypted."
  }
}

run "asks_who_calls_and_logs_no_payment" {
  command = plan

  assert {
    condition     = aws_apigatewayv2_route.decisions.authorization_type == "AWS_IAM" && aws_apigatewayv2_route.decisions.route_key == "POST /decisions"
    error_message = "The API door is for signed requests."
  }

  assert {
    condition     = aws_apigatewayv2_route.labels.authorization_type == "AWS_IAM" && aws_apigatewayv2_route.labels.route_key == "POST /labels"
    error_message = "So is the labels door."
  }

  assert {
    condition     = endswith(aws_lambda_permission.labels.source_arn, "/*/POST/labels")
    error_message = "The API may call the labels door by its own route only."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.default.access_log_settings[0].format, "body")
    error_message = "Access logs hold no payment."
  }
}

run "reads_the_stream_itself_unless_told_otherwise" {
  assert {
    condition     = aws_lambda_event_source_mapping.stream.event_source_arn == aws_kinesis_stream.transactions.arn && length(aws_kinesis_stream_consumer.stream) == 0
    error_message = "Nobody pays for fan-out who did not ask for it."
  }
}

run "reads_through_a_consumer_of_its_own_with_enhanced_fan_out" {
  variables {
    enhanced_fan_out = true
  }

  assert {
    condition     = aws_kinesis_stream_consumer.stream[0].stream_arn == aws_kinesis_stream.transactions.arn
    error_message = "The consumer is one of the payment stream."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream.event_source_arn == aws_kinesis_stream_consumer.stream[0].arn
    error_message = "The mapping reads through the consumer, or it is paid for and not used."
  }
}
