# How approvals reach the release: through a queue, for one that comes while the endpoint changes over must wait.
#
# First in, first out, and one at a time within a problem: of two approvals the later one serves in the end, and no two
# write the release parameter at once. Credit does not wait for the endpoint of fraud: each problem is a group.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

resource "aws_cloudwatch_event_rule" "approved" {
  for_each = var.problems

  name        = "${var.prefix}-${each.key}-approved"
  description = "A ${each.key} model package of the platform was approved"

  event_pattern = jsonencode({
    source      = ["aws.sagemaker"]
    detail-type = ["SageMaker Model Package State Change"]
    detail = {
      ModelPackageGroupName = ["${var.prefix}-${each.key}"]
      ModelApprovalStatus   = ["Approved"]
    }
  })
}

# A target has one group, hence a rule for each problem.
resource "aws_cloudwatch_event_target" "approvals" {
  for_each = var.problems

  rule = aws_cloudwatch_event_rule.approved[each.key].name
  arn  = aws_sqs_queue.approvals.arn

  sqs_target {
    message_group_id = "${var.prefix}-${each.key}"
  }
}

locals {
  approvals = "${var.prefix}-release.fifo"
}

# The policy is part of the queue: it is there when the first rule has it as its target.
resource "aws_sqs_queue" "approvals" {
  name                        = local.approvals
  policy                      = data.aws_iam_policy_document.approvals.json
  fifo_queue                  = true
  content_based_deduplication = true # EventBridge names no duplicates itself
  visibility_timeout_seconds  = 120  # until it is tried again; Lambda wants six times the function's timeout
  message_retention_seconds   = 1209600
  kms_master_key_id           = var.kms_key_arn

  # Ten hours: SageMaker lets an update take eight.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed.arn
    maxReceiveCount     = 300
  })
}

resource "aws_sqs_queue" "failed" {
  name                      = "${var.prefix}-release-failed.fifo"
  fifo_queue                = true
  message_retention_seconds = 1209600
  kms_master_key_id         = var.kms_key_arn
}

data "aws_iam_policy_document" "approvals" {
  statement {
    sid       = "RulesSend"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${data.aws_partition.this.partition}:sqs:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:${local.approvals}"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.approved : rule.arn]
    }
  }
}
