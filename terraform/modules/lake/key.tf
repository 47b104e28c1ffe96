# Services that write on the platform's behalf must be named here: without it, encrypted alarms and events vanish silently.

resource "aws_kms_key" "this" {
  description             = "Encrypts the lake, the payment stream, the alerts and the logs of ${var.prefix}"
  deletion_window_in_days = var.keep_data ? 30 : 7
  enable_key_rotation     = true
  policy                  = data.aws_iam_policy_document.key.json

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.prefix}-lake"
  target_key_id = aws_kms_key.this.key_id
}

data "aws_iam_policy_document" "key" {
  # A key's own policy says `*` for itself: the resource is always this key.
  statement {
    sid       = "AccountDecidesThroughIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }

  # Without a condition on the source: EventBridge sends none, and its messages would be dropped.
  statement {
    sid       = "ServicesDeliver"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com"]
    }
  }

  statement {
    sid       = "LogsEncrypt"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${data.aws_region.this.name}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:*"]
    }
  }

  # The trail, by its name, for it wants to use the key as it is made. It decrypts for the bucket's own data key.
  dynamic "statement" {
    for_each = var.trail ? ["trail"] : []

    content {
      sid       = "TrailEncrypts"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["cloudtrail.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceArn"
        values   = ["arn:${data.aws_partition.this.partition}:cloudtrail:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:trail/${var.prefix}-trail"]
      }
    }
  }

  # Its topic, by what SNS encrypts for: whether SNS hands on whom CloudTrail calls for, AWS does not say.
  dynamic "statement" {
    for_each = var.trail ? ["topic"] : []

    content {
      sid       = "TrailTells"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = ["cloudtrail.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:EncryptionContext:aws:sns:topicArn"
        values   = ["arn:${data.aws_partition.this.partition}:sns:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:${var.prefix}-trail"]
      }
    }
  }
}
