# Two doors over one scorer: the stream door (Kinesis -> Lambda) and the API door (HTTP API -> Lambda).

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  place     = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  sagemaker = "arn:${data.aws_partition.this.partition}:sagemaker:${local.place}"
  ssm       = "arn:${data.aws_partition.this.partition}:ssm:${local.place}"
  groups = {
    ACCOUNT_GROUP  = var.feature_groups["account"]
    CUSTOMER_GROUP = var.feature_groups["customer"]
    MERCHANT_GROUP = var.feature_groups["merchant"]
    TRAFFIC_GROUP  = var.feature_groups["traffic"]
  }

  scoring = {
    ReadRecords = {
      actions   = ["sagemaker:BatchGetRecord", "sagemaker:GetRecord"]
      resources = [for name in values(local.groups) : "${local.sagemaker}:feature-group/${name}"]
    }
    Score = {
      actions   = ["sagemaker:InvokeEndpoint"]
      resources = ["${local.sagemaker}:endpoint/${var.endpoint_name}"]
    }
    ReadPolicy = {
      actions   = ["ssm:GetParameter"]
      resources = ["${local.ssm}:parameter${var.release_parameter}"]
    }
  }
}

module "decide" {
  source = "../function"

  name            = "${var.prefix}-decide"
  description     = "API door: decides on one payment"
  handler         = "decide.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = merge({ bucket = var.artifacts_bucket }, var.code["lambda/decide"])
  memory_mb       = 1769 # one full vCPU: the answer is CPU-bound after two network calls
  timeout_seconds = 5

  environment = merge(local.groups, {
    ANSWERS_TABLE     = aws_dynamodb_table.answers.name
    ENDPOINT_NAME     = var.endpoint_name
    RELEASE_PARAMETER = var.release_parameter
    STREAM_NAME       = aws_kinesis_stream.transactions.name
  })

  permissions = merge(local.scoring, {
    RememberAnswers = {
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
      resources = [aws_dynamodb_table.answers.arn]
    }
    HandOn = {
      actions   = ["kinesis:PutRecord"]
      resources = [aws_kinesis_stream.transactions.arn]
    }
    EncryptWhatIsHandedOn = {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
  })
}

module "stream" {
  source = "../function"

  name            = "${var.prefix}-stream"
  description     = "Stream door: decides on payments in micro-batches and moves the features on"
  handler         = "stream.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = merge({ bucket = var.artifacts_bucket }, var.code["lambda/stream"])
  memory_mb       = 1769
  timeout_seconds = 900 # a full batch makes many calls, each of which has its own limit: lambda/scoring/budget.py

  environment = merge(local.groups, {
    ALERT_TOPIC_ARN   = var.alert_topic_arn
    ANSWERS_TABLE     = aws_dynamodb_table.answers.name
    ENDPOINT_NAME     = var.endpoint_name
    LAKE_BUCKET       = var.lake.name
    MERCHANT_STREAM   = aws_kinesis_stream.merchants.name
    RELEASE_PARAMETER = var.release_parameter
  })

  permissions = merge(local.scoring, {
    MoveFeatures = {
      actions   = ["sagemaker:BatchWriteRecord", "sagemaker:PutRecord"]
      resources = ["${local.sagemaker}:feature-group/${local.groups.CUSTOMER_GROUP}"]
    }
    NoteApplied = {
      actions   = ["dynamodb:UpdateItem"]
      resources = [aws_dynamodb_table.answers.arn]
    }
    LogDecisions = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/decisions/*", "${var.lake.arn}/late/*"]
    }
    ReadWhatWasLogged = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/decisions/*"]
    }
    TellMerchants = {
      actions   = ["kinesis:PutRecords"]
      resources = [aws_kinesis_stream.merchants.arn]
    }
    Alert = {
      actions   = ["sns:Publish"]
      resources = [var.alert_topic_arn]
    }
    ReadStream = {
      actions = [
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
        "kinesis:ListShards", "kinesis:SubscribeToShard",
      ]
      resources = concat([aws_kinesis_stream.transactions.arn], aws_kinesis_stream_consumer.stream[*].arn)
    }
    UseKey = {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
    KeepWhatFailed = {
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.failed.arn]
    }
  })
}
