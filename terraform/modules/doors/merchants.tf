# The payments once more, by merchant, and their counter: rules see what happens at a merchant right now.

resource "aws_kinesis_stream" "merchants" {
  name             = "${var.prefix}-merchants"
  shard_count      = var.shards
  retention_period = 24 # hours: as far back as the longest window of the counts reaches
  encryption_type  = "KMS"
  kms_key_id       = var.lake.kms_key_arn

  stream_mode_details {
    stream_mode = "PROVISIONED"
  }
}

module "merchants" {
  source = "../function"

  name            = "${var.prefix}-merchants"
  description     = "Counts payments by merchant, for rules"
  handler         = "merchants.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = merge({ bucket = var.artifacts_bucket }, var.code["lambda/merchants"])
  timeout_seconds = 300

  environment = {
    TRAFFIC_GROUP = local.groups.TRAFFIC_GROUP
  }

  permissions = {
    CountTraffic = {
      actions   = ["sagemaker:BatchGetRecord", "sagemaker:BatchWriteRecord", "sagemaker:GetRecord", "sagemaker:PutRecord"]
      resources = ["${local.sagemaker}:feature-group/${local.groups.TRAFFIC_GROUP}"]
    }
    ReadStream = {
      actions = [
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
        "kinesis:ListShards",
      ]
      resources = [aws_kinesis_stream.merchants.arn]
    }
    UseKey = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
    KeepWhatFailed = {
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.uncounted.arn]
    }
  }
}

resource "aws_lambda_event_source_mapping" "merchants" {
  function_name                      = module.merchants.arn
  event_source_arn                   = aws_kinesis_stream.merchants.arn
  starting_position                  = "TRIM_HORIZON" # a day at most, and what was counted is known
  batch_size                         = 100
  maximum_batching_window_in_seconds = 0
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 3
  maximum_record_age_in_seconds      = 86400 # older payments are in no window any more
  function_response_types            = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.uncounted.arn
    }
  }
}

# Not replayed: only rules look at traffic, and the lake has every payment.
resource "aws_sqs_queue" "uncounted" {
  name                      = "${var.prefix}-merchants-failed"
  message_retention_seconds = 86400 # then no window misses it, and the alarm ends
  sqs_managed_sse_enabled   = true
}
