# Payments that a person must look at: a message to whoever subscribes, and a queue that keeps it until it is in a case.

data "aws_caller_identity" "this" {}

resource "aws_sns_topic" "this" {
  name              = "${var.prefix}-reviews"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sqs_queue" "this" {
  name                       = "${var.prefix}-reviews"
  message_retention_seconds  = 1209600 # the longest that SQS keeps
  visibility_timeout_seconds = 180     # until it is tried again; Lambda wants six times the function's timeout
  kms_master_key_id          = var.kms_key_arn

  # An hour: a table that is away is back by then, and what is no payment stays none.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed.arn
    maxReceiveCount     = 20
  })
}

resource "aws_sqs_queue" "failed" {
  name                      = "${var.prefix}-reviews-failed"
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
}

resource "aws_sns_topic_subscription" "this" {
  topic_arn            = aws_sns_topic.this.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.this.arn
  raw_message_delivery = true
}

resource "aws_sqs_queue_policy" "this" {
  queue_url = aws_sqs_queue.this.id
  policy    = data.aws_iam_policy_document.queue.json
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "TopicDelivers"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.this.arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.this.arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}
