# What the consumer is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  scoring = {
    environment = { METRIC_NAMESPACE = "Risk/dev", ENDPOINT_NAME = "risk-dev-fraud" }
    permissions = { Score = { actions = ["sagemaker:InvokeEndpoint"], resources = ["arn:aws:sagemaker:eu-west-1:111122223333:endpoint/risk-dev-fraud"] } }
  }

  stream = {
    arn              = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-transactions"
    failed_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-stream-failed"
    enhanced_fan_out = false
    read_from        = "TRIM_HORIZON"
  }

  topics = {
    alerts  = "arn:aws:sns:eu-west-1:111122223333:risk-dev-fraud-alerts"
    reviews = "arn:aws:sns:eu-west-1:111122223333:risk-dev-reviews"
  }
  answers = {
    table           = { name = "risk-dev-answers", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers" }
    tails           = { name = "risk-dev-tails", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-tails" }
    signing_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111"
  }
  code               = { "lambda/stream" = { bucket = "risk-dev-artifacts", key = "lambda/stream/1/stream.zip", hash = "hash", layers = [] } }
  counter_stream     = { name = "risk-dev-merchants", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants" }
  customer_group_arn = "arn:aws:sagemaker:eu-west-1:111122223333:feature-group/risk-dev-customer"
  prefix             = "risk-dev"
}

run "never_blocks_a_shard_and_keeps_what_failed" {
  assert {
    condition     = aws_lambda_event_source_mapping.this.maximum_retry_attempts >= 0 && aws_lambda_event_source_mapping.this.bisect_batch_on_function_error
    error_message = "Without a limit one bad payment blocks its shard for days."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.destination_config[0].on_failure[0].destination_arn == var.stream.failed_queue_arn
    error_message = "What was given up must be found again."
  }

  assert {
    condition     = contains(aws_lambda_event_source_mapping.this.function_response_types, "ReportBatchItemFailures")
    error_message = "One failed payment must not repeat its batch."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.starting_position == "TRIM_HORIZON"
    error_message = "LATEST misses what arrives while the mapping is made."
  }
}

run "reads_the_stream_itself_unless_told_otherwise" {
  assert {
    condition     = aws_lambda_event_source_mapping.this.event_source_arn == var.stream.arn && length(aws_kinesis_stream_consumer.this) == 0
    error_message = "Nobody pays for fan-out who did not ask for it."
  }

  assert {
    condition     = !contains(module.function.permissions["ReadStream"].actions, "kinesis:SubscribeToShard")
    error_message = "Nor may it subscribe."
  }
}

run "reads_through_a_consumer_of_its_own_with_enhanced_fan_out" {
  variables {
    stream = {
      arn              = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-transactions"
      failed_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-stream-failed"
      enhanced_fan_out = true
      read_from        = "TRIM_HORIZON"
    }
  }

  assert {
    condition     = aws_kinesis_stream_consumer.this[0].stream_arn == var.stream.arn
    error_message = "The consumer is one of the payment stream."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.event_source_arn == aws_kinesis_stream_consumer.this[0].arn
    error_message = "The mapping reads through the consumer, or it is paid for and not used."
  }

  assert {
    condition     = contains(module.function.permissions["ReadStream"].actions, "kinesis:SubscribeToShard")
    error_message = "Records are pushed to who subscribes."
  }
}
