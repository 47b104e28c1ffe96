# Forgetting a customer: the only role that may rewrite RAW and delete what versions keep. Nothing starts the job by itself.

resource "aws_iam_role" "forget" {
  name               = "${var.prefix}-forget"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "forget" {
  statement {
    sid       = "ReadCode"
    actions   = ["s3:GetObject"]
    resources = ["${var.artifacts.arn}/glue/*"]
  }

  statement {
    sid = "RewriteEveryLayerAndItsPast"
    actions = [
      "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion",
    ]
    resources = ["${var.lake.arn}/*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation"]
    resources = [var.lake.arn, var.artifacts.arn]
  }

  statement {
    sid       = "Encrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.lake.kms_key_arn]
  }

  statement {
    sid       = "DeleteRecords"
    actions   = ["sagemaker:DescribeFeatureGroup", "sagemaker:GetRecord", "sagemaker:DeleteRecord"]
    resources = [for name in values(var.feature_groups) : "${local.sagemaker}:feature-group/${name}"]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.logs}:log-group:/aws-glue/*"]
  }

  # Glue's own measures of the run.
  statement {
    sid       = "Measure"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Glue"]
    }
  }
}

resource "aws_iam_role_policy" "forget" {
  name   = "forget"
  role   = aws_iam_role.forget.id
  policy = data.aws_iam_policy_document.forget.json
}
