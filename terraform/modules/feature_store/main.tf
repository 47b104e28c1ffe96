# Online and offline records. Features are added through UpdateFeatureGroup, never here: a changed definition would replace
# the group and lose what it knows, so Terraform is told to leave definitions alone.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  glue = "arn:${data.aws_partition.this.partition}:glue:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
}

# A database of our own: the tables of SageMaker's default one outlive their groups, and nobody would remove them.
resource "aws_glue_catalog_database" "this" {
  name        = "${replace(var.prefix, "-", "_")}_feature_store"
  description = "The offline feature store"
}

resource "aws_sagemaker_feature_group" "this" {
  for_each = var.groups

  feature_group_name             = "${var.prefix}-${each.key}"
  record_identifier_feature_name = each.value.identifier
  event_time_feature_name        = "event_time"
  role_arn                       = aws_iam_role.this.arn

  dynamic "feature_definition" {
    for_each = each.value.features

    content {
      feature_name = feature_definition.value.name
      feature_type = feature_definition.value.type
    }
  }

  online_store_config {
    enable_online_store = true

    # Counts from a record's event time, not from its writing: replayed history would be gone at once.
    dynamic "ttl_duration" {
      for_each = var.online_ttl_days[*]

      content {
        unit  = "Days"
        value = ttl_duration.value
      }
    }
  }

  offline_store_config {
    data_catalog_config {
      catalog    = "AwsDataCatalog"
      database   = aws_glue_catalog_database.this.name
      table_name = replace(each.key, "-", "_")
    }

    s3_storage_config {
      s3_uri = "s3://${var.lake.name}/feature-store/${each.key}/"
    }
  }

  lifecycle {
    ignore_changes = [feature_definition]
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_iam_role" "this" {
  name               = "${var.prefix}-feature-store"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["sagemaker.amazonaws.com"]
    }
  }
}

# AWS's managed policy covers only buckets with "sagemaker" in their name.
data "aws_iam_policy_document" "this" {
  statement {
    sid       = "WriteOfflineStore"
    actions   = ["s3:PutObject", "s3:PutObjectAcl", "s3:GetObject", "s3:AbortMultipartUpload"]
    resources = ["${var.lake.arn}/feature-store/*"]
  }

  statement {
    sid       = "SeeBucket"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.lake.arn]
  }

  statement {
    sid       = "Encrypt"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = [var.lake.kms_key_arn]
  }

  statement {
    sid       = "KeepTable"
    actions   = ["glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable"]
    resources = ["${local.glue}:catalog", "${local.glue}:database/${aws_glue_catalog_database.this.name}", "${local.glue}:table/${aws_glue_catalog_database.this.name}/*"]
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "offline-store"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
