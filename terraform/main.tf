# The platform: one lake, one set of features, one registry, two decisions.

provider "aws" {
  region            = var.region
  s3_use_path_style = var.s3_use_path_style

  default_tags {
    tags = { project = "risk", environment = var.environment, stack = "platform" }
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  prefix    = "risk-${var.environment}"
  database  = replace(local.prefix, "-", "_")
  image     = "${local.account}.dkr.ecr.${var.region}.amazonaws.com/${local.prefix}-ml:${var.image_tag}"
  namespace = "RiskPlatform"

  artifacts = {
    bucket = "${local.prefix}-artifacts-${local.account}"
    arn    = "arn:${data.aws_partition.this.partition}:s3:::${local.prefix}-artifacts-${local.account}"
  }

  # What the night publishes. The traffic at merchants is counted as payments come.
  published = { for name, group in module.feature_store.names : name => group if name != "traffic" }

  # Credit and fraud are two rows of one table.
  problems = {
    credit = { served = false }
    fraud  = { served = true }
  }
}

module "lake" {
  source = "./modules/lake"

  keep_data = var.keep_data_on_destroy
  name      = "${local.prefix}-lake-${local.account}"
  prefix    = local.prefix
}

module "catalog" {
  source = "./modules/catalog"

  database_prefix = local.database
  lake            = module.lake.bucket
  prefix          = local.prefix
  tables          = var.tables
}

module "feature_store" {
  source = "./modules/feature_store"

  groups          = var.feature_groups
  lake            = module.lake.bucket
  online_ttl_days = var.online_ttl_days
  prefix          = local.prefix
}

module "etl" {
  source = "./modules/etl"

  artifacts       = local.artifacts
  code            = var.artifacts
  database_prefix = local.database
  feature_groups  = local.published
  lake            = module.lake.bucket
  namespace       = local.namespace
  prefix          = local.prefix
}

module "learning" {
  source = "./modules/learning"

  artifacts     = local.artifacts
  definitions   = "${path.root}/${var.pipeline_definitions}"
  image         = local.image
  instance_type = var.instance_types.jobs
  lake          = module.lake.bucket
  namespace     = local.namespace
  prefix        = local.prefix
  problems      = keys(local.problems)
}

module "endpoint" {
  source = "./modules/endpoint"

  image          = local.image
  instance_type  = var.instance_types.endpoint
  model_data_url = "s3://${local.artifacts.bucket}/${var.artifacts["models/bootstrap"].key}"
  name           = "${local.prefix}-fraud"
  role_arn       = module.learning.execution_role_arn
}

module "release" {
  source = "./modules/release"

  artifacts_bucket   = local.artifacts.bucket
  code               = var.artifacts["lambda/release"]
  endpoint           = module.endpoint.release
  execution_role_arn = module.learning.execution_role_arn
  instance_type      = var.instance_types.endpoint
  lake               = module.lake.bucket
  prefix             = local.prefix
  problems           = local.problems
}

module "watch" {
  source = "./modules/watch"

  entities       = [for table in var.tables : table.name if table.zone == "silver"]
  failed_queues  = { stream = module.doors.failed_queue, merchants = module.doors.uncounted_queue, release = module.release.failed_queue }
  feature_groups = keys(local.published)
  feature_tables = [for table in var.tables : table.name if table.zone == "gold"]
  functions      = merge(module.doors.functions, { release = module.release.function, seal = module.orchestration.function })
  kms_key_arn    = module.lake.bucket.kms_key_arn
  namespace      = local.namespace
  prefix         = local.prefix
  state_machines = module.orchestration.arns
}

module "doors" {
  source = "./modules/doors"

  alert_topic_arn   = aws_sns_topic.fraud_alerts.arn
  artifacts_bucket  = local.artifacts.bucket
  code              = var.artifacts
  enhanced_fan_out  = var.stream.enhanced_fan_out
  read_from         = var.stream.read_from
  endpoint_name     = module.endpoint.name
  feature_groups    = module.feature_store.names
  lake              = module.lake.bucket
  prefix            = local.prefix
  release_parameter = module.release.parameters["fraud"]
  shards            = var.stream.shards
}

module "orchestration" {
  source = "./modules/orchestration"

  athena_workgroup   = module.catalog.workgroup
  code_uri           = "s3://${local.artifacts.bucket}/${var.artifacts["training/code"].key}"
  crawlers           = module.catalog.crawlers
  execution_role_arn = module.learning.execution_role_arn
  image              = local.image
  instance_type      = var.instance_types.jobs
  jobs               = module.etl.jobs
  lake               = module.lake.bucket
  namespace          = local.namespace
  prefix             = local.prefix
  seal_code          = merge({ bucket = local.artifacts.bucket }, var.artifacts["lambda/seal"])
}

# Who is told of a blocked payment subscribes here.
resource "aws_sns_topic" "fraud_alerts" {
  name              = "${local.prefix}-fraud-alerts"
  kms_master_key_id = module.lake.bucket.kms_key_arn
}
