# The consumer of the payment stream: decides on payments in micro-batches and moves the features on.

# A reader of its own: records are pushed to it, and no other reader slows it down. It costs money by the shard hour.
resource "aws_kinesis_stream_consumer" "this" {
  count = var.stream.enhanced_fan_out ? 1 : 0

  name       = "${var.prefix}-stream"
  stream_arn = var.stream.arn
}

resource "aws_lambda_event_source_mapping" "this" {
  function_name                      = module.function.arn
  event_source_arn                   = coalesce(one(aws_kinesis_stream_consumer.this[*].arn), var.stream.arn)
  starting_position                  = var.stream.read_from
  batch_size                         = 100
  maximum_batching_window_in_seconds = 0
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 3 # the default never gives up, and one bad record then blocks a shard for days
  function_response_types            = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = var.stream.failed_queue_arn
    }
  }
}

module "function" {
  source = "../function"

  name            = "${var.prefix}-stream"
  description     = "Stream door: decides on payments in micro-batches and moves the features on"
  handler         = "stream.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code["lambda/stream"]
  memory_mb       = 1769
  timeout_seconds = 900 # a full batch makes many calls, each of which has its own limit: lambda/scoring/budget.py

  environment = merge(var.scoring.environment, {
    ALERT_TOPIC_ARN  = var.topics.alerts
    REVIEW_TOPIC_ARN = var.topics.reviews
    ANSWERS_TABLE    = var.answers.table.name
    LAKE_BUCKET      = var.lake.name
    MERCHANT_STREAM  = var.counter_stream.name
    SIGNING_KEY      = var.answers.signing_key_arn
    TAILS_TABLE      = var.answers.tails.name
  })

  permissions = merge(var.scoring.permissions, {
    MoveFeatures = {
      actions   = ["sagemaker:BatchWriteRecord", "sagemaker:PutRecord"]
      resources = [var.customer_group_arn]
    }
    AppendToTails = {
      actions   = ["dynamodb:PutItem"]
      resources = [var.answers.tails.arn]
    }
    ReadWhatWasAnswered = {
      actions   = ["dynamodb:BatchGetItem"]
      resources = [var.answers.table.arn, var.answers.tails.arn]
    }
    BelieveTheApiDoor = {
      actions   = ["kms:Decrypt"]
      resources = [var.answers.signing_key_arn]
    }
    NoteApplied = {
      actions   = ["dynamodb:UpdateItem"]
      resources = [var.answers.table.arn]
    }
    LogDecisions = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/decisions/*", "${var.lake.arn}/late/*", "${var.lake.arn}/quarantine/stream/*"]
    }
    ReadWhatWasLogged = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/decisions/*"]
    }
    TellMerchants = {
      actions   = ["kinesis:PutRecords"]
      resources = [var.counter_stream.arn]
    }
    Alert = {
      actions   = ["sns:Publish"]
      resources = [var.topics.alerts, var.topics.reviews]
    }
    ReadStream = {
      actions = concat([
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
        "kinesis:ListShards",
      ], var.stream.enhanced_fan_out ? ["kinesis:SubscribeToShard"] : [])
      resources = concat([var.stream.arn], aws_kinesis_stream_consumer.this[*].arn)
    }
    Encrypt = {
      actions   = ["kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
    KeepWhatFailed = {
      actions   = ["sqs:SendMessage"]
      resources = [var.stream.failed_queue_arn]
    }
  })
}
