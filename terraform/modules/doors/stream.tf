# The payment stream, its mapping to the stream door, and the queue for what could not be decided.

resource "aws_kinesis_stream" "transactions" {
  name             = "${var.prefix}-transactions"
  shard_count      = var.shards
  retention_period = 168 # hours: a week to repair and replay
  encryption_type  = "KMS"
  kms_key_id       = var.lake.kms_key_arn

  stream_mode_details {
    stream_mode = "PROVISIONED"
  }
}

# A reader of its own: records are pushed to it, and no other reader slows it down. It costs money by the shard hour.
resource "aws_kinesis_stream_consumer" "stream" {
  count = var.enhanced_fan_out ? 1 : 0

  name       = "${var.prefix}-stream"
  stream_arn = aws_kinesis_stream.transactions.arn
}

resource "aws_lambda_event_source_mapping" "stream" {
  function_name                      = module.stream.arn
  event_source_arn                   = coalesce(one(aws_kinesis_stream_consumer.stream[*].arn), aws_kinesis_stream.transactions.arn)
  starting_position                  = var.read_from
  batch_size                         = 100
  maximum_batching_window_in_seconds = 0
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 3 # the default never gives up, and one bad record then blocks a shard for days
  function_response_types            = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failed.arn
    }
  }
}

resource "aws_sqs_queue" "failed" {
  name                      = "${var.prefix}-stream-failed"
  message_retention_seconds = 1209600 # two weeks, longer than the stream keeps the records
  sqs_managed_sse_enabled   = true
}
