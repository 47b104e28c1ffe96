# The counter of payments by merchant, device and address: rules see what happens there right now. What it gives up is not replayed:
# only rules look at traffic, and the lake has every payment.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

module "function" {
  source = "../function"

  name            = "${var.prefix}-merchants"
  description     = "Counts payments by merchant, device and address, for rules"
  handler         = "merchants.handler.handle"
  kms_key_arn     = var.kms_key_arn
  code            = var.code["lambda/merchants"]
  timeout_seconds = 900

  environment = merge(var.traffic_groups, { METRIC_NAMESPACE = var.namespace })

  permissions = {
    CountTraffic = {
      actions = ["sagemaker:BatchGetRecord", "sagemaker:BatchWriteRecord", "sagemaker:GetRecord", "sagemaker:PutRecord"]
      resources = [
        for group in values(var.traffic_groups) :
        "arn:${data.aws_partition.this.partition}:sagemaker:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:feature-group/${group}"
      ]
    }
    ReadStream = {
      actions = [
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
        "kinesis:ListShards",
      ]
      resources = [var.stream.arn]
    }
    Encrypt = {
      actions   = ["kms:GenerateDataKey"]
      resources = [var.kms_key_arn]
    }
    KeepWhatFailed = {
      actions   = ["sqs:SendMessage"]
      resources = [var.stream.failed_queue_arn]
    }
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  function_name                      = module.function.arn
  event_source_arn                   = var.stream.arn
  starting_position                  = "TRIM_HORIZON" # a day at most, and what was counted is known
  batch_size                         = 300            # a hundred payments, each of a merchant, a device and an address
  maximum_batching_window_in_seconds = 0
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 3
  maximum_record_age_in_seconds      = 86400 # older payments are in no window any more
  function_response_types            = ["ReportBatchItemFailures"]

  destination_config {
    on_failure {
      destination_arn = var.stream.failed_queue_arn
    }
  }
}
