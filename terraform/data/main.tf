# What holds data and is never made anew: the key, the lake, its catalog, feature groups, streams, registered models and
# their approvals, answers.
# Everything that can be rebuilt lies in ../platform.

provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_ids
  s3_use_path_style   = var.s3_use_path_style

  default_tags {
    tags = { project = var.prefix, environment = var.environment, stack = "data" }
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  prefix   = "${var.prefix}-${var.environment}"
  database = replace(local.prefix, "-", "_")

  # Feature groups that are always there; of others the package knows, as a user has declared their entities.
  ours = ["account", "address-traffic", "customer", "device", "device-traffic", "loan-applicant", "merchant", "traffic"]
}

module "lake" {
  source = "../modules/lake"

  access_logs = "${local.prefix}-logs-${data.aws_caller_identity.this.account_id}"
  keep_data   = var.keep_data
  name        = "${local.prefix}-lake-${data.aws_caller_identity.this.account_id}"
  prefix      = local.prefix
  trail       = var.audit_trail
}

module "witness" {
  source = "../modules/witness"
  count  = var.witness == null ? 0 : 1

  access_logs = "${local.prefix}-logs-${data.aws_caller_identity.this.account_id}"
  kms_key_arn = module.lake.bucket.kms_key_arn
  lock        = var.witness
  name        = "${local.prefix}-witness-${data.aws_caller_identity.this.account_id}"
  prefix      = local.prefix
}

module "trail" {
  source = "../modules/trail"
  count  = var.audit_trail ? 1 : 0

  access_logs  = "${local.prefix}-logs-${data.aws_caller_identity.this.account_id}"
  boundary_arn = var.boundary_arn
  bucket       = { name = "${local.prefix}-trail-${data.aws_caller_identity.this.account_id}", keep = var.keep_data }
  kms_key_arn  = module.lake.bucket.kms_key_arn
  namespace    = "RiskPlatform/${var.environment}" # the platform's own
  prefix       = local.prefix

  watched = {
    bucket_arns = concat([module.lake.bucket.arn], module.witness[*].bucket.arn)
    # The platform's own are made elsewhere, under these names.
    table_arns = [for table in ["answers", "cases", "lists", "policies", "releases", "tails"] : "arn:${data.aws_partition.this.partition}:dynamodb:${var.region}:${data.aws_caller_identity.this.account_id}:table/${local.prefix}-${table}"]
  }
}

module "catalog" {
  source = "../modules/catalog"

  boundary_arn    = var.boundary_arn
  database_prefix = local.database
  lake            = module.lake.bucket
  prefix          = local.prefix
  tables          = var.tables
}

module "feature_store" {
  source = "../modules/feature_store"

  boundary_arn    = var.boundary_arn
  counted         = { for name in keys(var.feature_groups) : name => name == "traffic" ? null : 2 if endswith("-${name}", "-traffic") } # days; devices and addresses are people's
  declared        = setsubtract(keys(var.feature_groups), local.ours)
  groups          = var.feature_groups
  lake            = module.lake.bucket
  later           = ["device"]
  online_ttl_days = var.online_ttl_days
  prefix          = local.prefix
}

module "registry" {
  source = "../modules/registry"

  kms_key_arn = module.lake.bucket.kms_key_arn
  prefix      = local.prefix
  problems    = ["credit", "fraud"]
}

module "answers" {
  source = "../modules/answers"

  kms_key_arn = module.lake.bucket.kms_key_arn
  prefix      = local.prefix
}

module "lists" {
  source = "../modules/lists"

  kms_key_arn = module.lake.bucket.kms_key_arn
  prefix      = local.prefix
}

module "cases" {
  source = "../modules/cases"

  kms_key_arn = module.lake.bucket.kms_key_arn
  prefix      = local.prefix
}

module "reviews" {
  source = "../modules/reviews"

  kms_key_arn = module.lake.bucket.kms_key_arn
  prefix      = local.prefix
}

module "signing" {
  source = "../modules/signing"

  keep_data = var.keep_data
  prefix    = local.prefix
}

module "transactions" {
  source = "../modules/stream"

  failed          = { name = "${local.prefix}-stream-failed", retention_seconds = 1209600 } # longer than the records stay
  kms_key_arn     = module.lake.bucket.kms_key_arn
  name            = "${local.prefix}-transactions"
  retention_hours = 168 # a week to repair and replay
  shards          = var.shards
}

# The payments once more, by merchant.
module "merchants" {
  source = "../modules/stream"

  failed          = { name = "${local.prefix}-merchants-failed", retention_seconds = 86400 } # then no window misses it
  kms_key_arn     = module.lake.bucket.kms_key_arn
  name            = "${local.prefix}-merchants"
  retention_hours = 24 # as far back as the longest window of the counts reaches
  shards          = var.shards
}
