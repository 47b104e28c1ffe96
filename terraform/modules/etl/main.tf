# The Glue jobs that take RAW to GOLD and to the feature store. One role each would differ in nothing: they share one. The
# job that forgets a customer has its own, in forget.tf: no other may change RAW.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  place     = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  glue      = "arn:${data.aws_partition.this.partition}:glue:${local.place}"
  logs      = "arn:${data.aws_partition.this.partition}:logs:${local.place}"
  sagemaker = "arn:${data.aws_partition.this.partition}:sagemaker:${local.place}"

  # Arguments that a run does not choose.
  jobs = {
    raw_to_bronze    = {}
    bronze_to_silver = {}
    silver_to_gold   = {}
    check_parity     = {}
    forget_customer  = { "--groups" = join(",", sort(values(var.feature_groups))) }
    publish_features = {
      "--customer_group"       = var.feature_groups["customer"]
      "--merchant_group"       = var.feature_groups["merchant"]
      "--account_group"        = var.feature_groups["account"]
      "--loan_applicant_group" = var.feature_groups["loan-applicant"]
    }
  }
}

resource "aws_glue_job" "this" {
  for_each = local.jobs

  name              = "${var.prefix}-${replace(each.key, "_", "-")}"
  role_arn          = each.key == "forget_customer" ? aws_iam_role.forget.arn : aws_iam_role.this.arn
  glue_version      = "5.1"
  worker_type       = "G.1X"
  number_of_workers = 2
  timeout           = 120 # minutes; the default is eight hours of cost

  command {
    name            = "glueetl"
    script_location = "s3://${var.artifacts.bucket}/${var.code["glue/jobs/${each.key}"].key}"
    python_version  = "3"
  }

  default_arguments = merge({
    "--additional-python-modules" = "s3://${var.artifacts.bucket}/${var.code["glue/library"].key},great-expectations==1.24.1,boto3==1.43.106"
    "--lake"                      = "s3://${var.lake.name}"
    "--database_prefix"           = var.database_prefix
    "--namespace"                 = var.namespace
    "--enable-metrics"            = "true"
    "--job-language"              = "python"
    "--TempDir"                   = "s3://${var.lake.name}/tmp/"
  }, each.value)

  execution_property {
    max_concurrent_runs = 3
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.prefix}-etl"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "ReadCode"
    actions   = ["s3:GetObject"]
    resources = ["${var.artifacts.arn}/glue/*"]
  }

  statement {
    sid       = "ReadRaw"
    actions   = ["s3:GetObject"]
    resources = ["${var.lake.arn}/raw/*", "${var.lake.arn}/decisions/*", "${var.lake.arn}/late/*"]
  }

  statement {
    sid     = "WriteLayers"
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [
      for zone in ["bronze", "silver", "gold", "quarantine", "quality", "tmp"] : "${var.lake.arn}/${zone}/*"
    ]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [var.lake.arn, var.artifacts.arn]
  }

  statement {
    sid       = "Encrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.lake.kms_key_arn]
  }

  statement {
    sid = "RegisterPartitions"
    actions = [
      "glue:GetDatabase", "glue:GetTable", "glue:GetPartitions", "glue:BatchCreatePartition", "glue:CreatePartition",
      "glue:DeletePartition", "glue:BatchUpdatePartition", "glue:UpdatePartition",
    ]
    resources = ["${local.glue}:catalog", "${local.glue}:database/${var.database_prefix}_*", "${local.glue}:table/${var.database_prefix}_*"]
  }

  statement {
    sid       = "PublishFeatures"
    actions   = ["sagemaker:PutRecord", "sagemaker:BatchWriteRecord"]
    resources = [for name in values(var.feature_groups) : "${local.sagemaker}:feature-group/${name}"]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.logs}:log-group:/aws-glue/*"]
  }

  # PutMetricData knows no resources; the namespace is the only bound there is.
  statement {
    sid       = "Measure"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [var.namespace, "Glue"]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "etl"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
