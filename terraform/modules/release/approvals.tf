# How approvals reach the function: through a queue, for one that comes while the endpoint changes over must wait.
#
# First in, first out, and one at a time within a problem: of two approvals the later one serves in the end, and no two
# write the release parameter at once. Credit does not wait for the endpoint of fraud: each problem is a group.

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

  depends_on = [aws_sqs_queue_policy.approvals]
}

resource "aws_sqs_queue" "approvals" {
  name                        = "${var.prefix}-release.fifo"
  fifo_queue                  = true
  content_based_deduplication = true # EventBridge names no duplicates itself
  visibility_timeout_seconds  = 120  # until it is tried again; Lambda wants six times the function's timeout
  message_retention_seconds   = 1209600
  sqs_managed_sse_enabled     = true

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
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "approvals" {
  statement {
    sid       = "RulesSend"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.approvals.arn]

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

resource "aws_sqs_queue_policy" "approvals" {
  queue_url = aws_sqs_queue.approvals.url
  policy    = data.aws_iam_policy_document.approvals.json
}

resource "aws_lambda_event_source_mapping" "approvals" {
  function_name           = module.function.arn
  event_source_arn        = aws_sqs_queue.approvals.arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"] # an approval that waits is no error, and rings no alarm
}
