# Who did what, by AWS itself: each change of a resource, and each object and item of the platform that was read or written.
# The bucket is the evidence, and the digests that CloudTrail signs say whether a file of it was changed or is missing. The
# log group is for looking quickly and for alarms.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  arn = "arn:${data.aws_partition.this.partition}:cloudtrail:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:trail/${var.prefix}-trail"

  # Kinds of data whose events cost, and what of each is the platform's.
  watched = {
    "AWS::S3::Object"      = [for bucket in var.watched.bucket_arns : "${bucket}/"]
    "AWS::DynamoDB::Table" = var.watched.table_arns
  }
}

resource "aws_cloudtrail" "this" {
  name                          = "${var.prefix}-trail"
  s3_bucket_name                = aws_s3_bucket.this.id
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.this.arn}:*"
  cloud_watch_logs_role_arn     = module.role.arn
  sns_topic_name                = aws_sns_topic.this.arn
  kms_key_id                    = var.kms_key_arn
  enable_log_file_validation    = true
  include_global_service_events = true
  is_multi_region_trail         = true

  advanced_event_selector {
    name = "Changes of resources, and looks at them"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  dynamic "advanced_event_selector" {
    for_each = local.watched

    content {
      name = "The platform's ${advanced_event_selector.key}"

      field_selector {
        field  = "eventCategory"
        equals = ["Data"]
      }

      field_selector {
        field  = "resources.type"
        equals = [advanced_event_selector.key]
      }

      field_selector {
        field       = "resources.ARN"
        starts_with = advanced_event_selector.value
      }
    }
  }

  # CloudTrail tries bucket and topic when the trail is made.
  depends_on = [aws_s3_bucket_policy.this, aws_sns_topic_policy.this]
}

# Told of every file that was delivered; an organisation's own tools subscribe here.
resource "aws_sns_topic" "this" {
  name              = "${var.prefix}-trail"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.topic.json
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "TrailTells"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.arn]
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/cloudtrail/${var.prefix}-trail"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arn
}

# A key that is going takes with it what it encrypts: the watch has an alarm for this.
resource "aws_cloudwatch_log_metric_filter" "keys" {
  name           = "${var.prefix}-keys-taken-away"
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "{ ($.eventSource = \"kms.amazonaws.com\") && (($.eventName = \"ScheduleKeyDeletion\") || ($.eventName = \"DisableKey\")) }"

  metric_transformation {
    name      = "KeysTakenAway"
    namespace = var.namespace
    value     = "1"
  }
}

module "role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-trail"
  description  = "The trail, which writes its log"
  service      = "cloudtrail"

  permissions = {
    Log = {
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.this.arn}:log-stream:*"]
    }
  }
}
