# Online and offline records: the feature groups, the role that writes their offline store, and its database.

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

locals {
  offline = {
    bucket      = var.lake.name
    database    = aws_glue_catalog_database.this.name
    kms_key_arn = var.lake.kms_key_arn
    role_arn    = module.role.arn
  }

  # Names by whether they wait for the others: an account makes four groups at a time.
  waiting = setunion(keys(var.counted), var.declared, var.later)

  # Of an online record; null for ever.
  days_kept = {
    for name in keys(var.groups) : name => lookup(var.counted, name, null) == null ? var.online_ttl_days : var.counted[name]
  }
}

# The night publishes these.
module "published" {
  source   = "../feature_group"
  for_each = { for name, definition in var.groups : name => definition if !contains(local.waiting, name) }

  definition      = each.value
  name            = each.key
  offline         = local.offline
  online_ttl_days = var.online_ttl_days
  prefix          = var.prefix
}

moved {
  from = module.counted
  to   = module.later
}

# Those that payments move as they come, and those that the night publishes, too, but for which there is no room before.
module "later" {
  source   = "../feature_group"
  for_each = { for name, definition in var.groups : name => definition if contains(setsubtract(local.waiting, var.declared), name) }

  definition      = each.value
  name            = each.key
  offline         = local.offline
  online_ttl_days = local.days_kept[each.key]
  prefix          = var.prefix

  depends_on = [module.published]
}

# Those of entities that a user has declared. `make deploy` makes no more than four at a time of any number.
module "declared" {
  source   = "../feature_group"
  for_each = { for name, definition in var.groups : name => definition if contains(var.declared, name) }

  definition      = each.value
  name            = each.key
  offline         = local.offline
  online_ttl_days = local.days_kept[each.key]
  prefix          = var.prefix

  depends_on = [module.later]
}

# AWS's managed policy covers only buckets with "sagemaker" in their name.
module "role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-feature-store"
  description  = "The feature groups, which write their offline store"
  service      = "sagemaker"

  permissions = {
    WriteOfflineStore = {
      actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject", "s3:PutObjectAcl"]
      resources = ["${var.lake.arn}/feature-store/*"]
    }
    SeeBucket = {
      actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:ListBucket"]
      resources = [var.lake.arn]
    }
    UseKey = {
      actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
    KeepTable = {
      actions   = ["glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"]
      resources = ["${local.glue}:catalog", "${local.glue}:database/${aws_glue_catalog_database.this.name}", "${local.glue}:table/${aws_glue_catalog_database.this.name}/*"]
    }
  }
}
