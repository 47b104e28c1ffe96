# What may be rebuilt at any time, over the data of ../data: jobs, pipelines, endpoint, both doors, schedules, alarms.

provider "aws" {
  region              = var.region
  allowed_account_ids = var.account_ids
  s3_use_path_style   = var.s3_use_path_style

  default_tags {
    tags = { project = var.prefix, environment = var.environment, stack = "platform" }
  }
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

data "aws_kms_alias" "artifacts" {
  name = "alias/${local.prefix}-delivery"
}

data "terraform_remote_state" "data" {
  backend = "s3"

  config = {
    bucket         = "${local.prefix}-state-${local.account}"
    key            = "data.tfstate"
    region         = var.region
    use_path_style = var.s3_use_path_style
  }
}

locals {
  account   = data.aws_caller_identity.this.account_id
  prefix    = "${var.prefix}-${var.environment}"
  image     = var.image != null ? var.image : "${local.account}.dkr.ecr.${var.region}.amazonaws.com/${local.prefix}-ml:${var.image_tag}"
  namespace = "RiskPlatform/${var.environment}"
  held      = data.terraform_remote_state.data.outputs
  answers   = { table = local.held.answers, tails = local.held.tails, signing_key_arn = local.held.signing_key_arn }

  artifacts = {
    bucket      = "${local.prefix}-artifacts-${local.account}"
    arn         = "arn:${data.aws_partition.this.partition}:s3:::${local.prefix}-artifacts-${local.account}"
    kms_key_arn = data.aws_kms_alias.artifacts.target_key_arn
  }

  network = one(module.network[*].network)

  functions = {
    for name, artifact in var.artifacts : name => merge(artifact, {
      bucket             = local.artifacts.bucket
      layers             = [aws_lambda_layer_version.boto3.arn]
      concurrency        = lookup(var.sizing.concurrency, trimprefix(name, "lambda/"), -1)
      log_retention_days = var.sizing.log_retention_days
      network            = local.network
      boundary_arn       = var.boundary_arn
      provisioned        = name == "lambda/decide" ? var.sizing.api.provisioned_concurrency : 0
    }) if startswith(name, "lambda/")
  }

  # Credit and fraud are two rows of one table.
  problems = {
    credit = {
      served      = false
      serverless  = false
      learns_from = concat(["gold/loan_features", "quality/declared"], [for told in ["applications", "decisions", "outcomes", "performance"] : "silver/loan_${told}"])
    }
    fraud = {
      served      = true
      serverless  = var.sizing.endpoint.serverless_memory_mb != null
      learns_from = ["gold/transaction_features", "silver/fraud_labels"]
    }
  }

  runs_on = { image = local.image, instance_type = var.sizing.jobs.instance_type, network = local.network }
}

module "network" {
  source = "../modules/network"
  count  = var.network == null ? 0 : 1

  boundary_arn = var.boundary_arn
  cidr         = var.network.cidr
  kms_key_arn  = local.held.lake.kms_key_arn
  prefix       = local.prefix
  zones        = var.network.zones
}

module "etl" {
  source = "../modules/etl"

  boundary_arn    = var.boundary_arn
  artifacts       = local.artifacts
  code            = var.artifacts
  database_prefix = local.held.catalog.database_prefix
  feature_groups  = local.published
  lake            = local.held.lake
  namespace       = local.namespace
  network         = local.network
  prefix          = local.prefix
  workers         = var.sizing.glue
}

module "learning" {
  source = "../modules/learning"

  boundary_arn = var.boundary_arn
  code_key     = var.artifacts["training/code"].key
  artifacts    = local.artifacts
  definitions  = "${path.root}/pipelines"
  lake         = local.held.lake
  namespace    = local.namespace
  prefix       = local.prefix
  problems     = local.problems
  runs_on      = local.runs_on
}

module "endpoint" {
  source = "../modules/endpoint"

  image          = local.image
  kms_key_arn    = local.held.lake.kms_key_arn
  model_data_url = "s3://${local.artifacts.bucket}/${var.artifacts["models/bootstrap"].key}"
  name           = "${local.prefix}-fraud"
  network        = local.network
  serving        = var.sizing.endpoint
  role_arn       = module.learning.roles["fraud-model"]
}

# Single applications are decided by the archive that scores batches. It sleeps, and costs nothing, while nobody asks.
module "loan_endpoint" {
  source = "../modules/endpoint"

  image          = local.image
  kms_key_arn    = local.held.lake.kms_key_arn
  model_data_url = "s3://${local.artifacts.bucket}/${var.artifacts["models/bootstrap"].key}"
  name           = "${local.prefix}-credit"
  role_arn       = module.learning.roles["credit-api"]
  serving        = { instance_type = var.sizing.endpoint.instance_type, instances = 1, most_instances = 1, serverless_memory_mb = var.sizing.loans.serverless_memory_mb }
}

module "release" {
  source = "../modules/release"

  approvals_queue_arn = local.held.approvals.arn
  code                = local.functions["lambda/release"]
  serving             = merge(var.sizing.endpoint, { asked_memory_mb = var.sizing.loans.serverless_memory_mb })
  lake                = local.held.lake
  prefix              = local.prefix

  problems = {
    for name, about in local.problems : name => {
      served         = about.served
      model_role_arn = module.learning.roles["${name}-model"]
      api_role_arn   = about.served ? null : module.learning.roles["${name}-api"]
    }
  }

  guard = merge(var.sizing.guard, { namespace = local.namespace, topic_arn = module.watch.alarm_topic_arn })

  shadow = {
    code_uri      = "s3://${local.artifacts.bucket}/${var.artifacts["training/code"].key}"
    image         = local.image
    instance_type = var.sizing.jobs.instance_type
    role_arn      = module.learning.roles["drift"]
    loan_role_arn = module.learning.roles["credit-shadow"]
  }
}

module "counter" {
  source = "../modules/counter"

  code           = local.functions
  kms_key_arn    = local.held.lake.kms_key_arn
  namespace      = local.namespace
  prefix         = local.prefix
  stream         = local.held.streams.merchants
  traffic_groups = { for variable, group in local.records : variable => group.name if endswith(variable, "TRAFFIC_GROUP") }
}

module "consumer" {
  source = "../modules/consumer"

  topics             = { alerts = aws_sns_topic.fraud_alerts.arn, reviews = local.held.reviews.topic_arn }
  answers            = local.answers
  code               = local.functions
  counter_stream     = local.held.streams.merchants
  customer_group_arn = local.records["CUSTOMER_GROUP"].arn
  lake               = local.held.lake
  prefix             = local.prefix
  scoring            = local.scoring
  stream             = merge(local.held.streams.transactions, var.sizing.stream)
}

module "api" {
  source = "../modules/api"

  answers         = local.answers
  code            = local.functions
  lake            = local.held.lake
  lists_table_arn = local.held.lists.arn
  loans           = { endpoint = module.loan_endpoint.name, endpoint_arn = "${local.sagemaker}:endpoint/${module.loan_endpoint.name}", customer_group_arn = local.records["CUSTOMER_GROUP"].arn, documents = [for table in values(module.release.tables) : table.arn] }
  prefix          = local.prefix
  scoring         = local.scoring
  streams         = local.held.streams
  throttle        = var.sizing.api
  tokens          = var.people.tokens
}

module "review" {
  source = "../modules/review"

  answers_table  = local.answers.table
  api            = { id = module.api.id, execution_arn = module.api.execution_arn, tokens = module.api.tokens }
  cases          = local.held.cases
  code           = local.functions
  counter_stream = local.held.streams.merchants
  lake           = local.held.lake
  namespace      = local.namespace
  prefix         = local.prefix
  queue_arn      = local.held.reviews.queue.arn
  service        = { lock_minutes = var.sizing.review.lock_minutes, hours = var.sizing.review.hours, watched = var.sizing.schedules.enabled }
}

module "orchestration" {
  source = "../modules/orchestration"

  boundary_arn     = var.boundary_arn
  athena_workgroup = local.held.catalog.workgroup
  crawlers         = local.held.catalog.crawlers
  jobs             = module.etl.jobs
  lake             = local.held.lake
  namespace        = local.namespace
  prefix           = local.prefix

  processing = merge(local.runs_on, {
    code_uri  = "s3://${local.artifacts.bucket}/${var.artifacts["training/code"].key}"
    drift_psi = var.sizing.thresholds.score_psi
    roles     = { for kind in ["credit-watch", "decide-loans", "drift", "fraud-watch", "score-set"] : kind => module.learning.roles[kind] }
  })

  seal      = { code = local.functions["lambda/seal"], witness = try(local.held.witness, null) }
  schedules = var.sizing.schedules
}

module "watch" {
  source = "../modules/watch"

  entities       = merge(local.held.entities, { published = keys(local.published) })
  functions      = merge(module.api.functions, module.review.functions, { merchants = module.counter.function, release = module.release.function, seal = module.orchestration.function, stream = module.consumer.function })
  heartbeats     = var.watch.heartbeats
  key            = { arn = local.held.lake.kms_key_arn, told_of = try(local.held.trail, null) != null }
  namespace      = local.namespace
  prefix         = local.prefix
  state_machines = merge(module.orchestration.arns, { release = module.release.machine_arn, retrain = module.learning.retraining_arn })

  queues = {
    approvals = local.held.approvals.name
    reviews   = local.held.reviews.queue.name
    failed    = { stream = local.held.streams.transactions.failed_queue, merchants = local.held.streams.merchants.failed_queue, release = local.held.approvals.failed_queue, reviews = local.held.reviews.failed_queue.name }
  }

  subscribers = var.watch.subscribers
  thresholds  = merge(var.sizing.thresholds, { case_hours = var.sizing.review.hours })
}

module "people" {
  source = "../modules/people"

  api_execution_arn = module.api.execution_arn
  boundary_arn      = var.boundary_arn
  catalog           = { database_prefix = local.held.catalog.database_prefix, workgroup_arn = local.held.catalog.workgroup.arn }
  lake              = local.held.lake
  people            = var.people.roles
  prefix            = local.prefix
  state             = { arn = "arn:${data.aws_partition.this.partition}:s3:::${local.prefix}-state-${local.account}", kms_key_arn = local.artifacts.kms_key_arn }

  signed_in = {
    asked   = var.people.mfa
    console = one(module.console[*].role_arn)
    takes   = { for role in keys(local.taken) : role => var.people.console.groups[role] }
  }

  operated = {
    abort_alarm    = module.release.abort_alarm_arn
    documents      = merge({ for owner, table in module.release.tables : owner => table.arn }, { lists = local.held.lists.arn })
    endpoint       = module.endpoint.name
    problems       = keys(local.problems)
    state_machines = module.orchestration.arns
  }

  stream = {
    arn = local.held.streams.transactions.arn
    failed_queue_arns = concat(
      [for stream in values(local.held.streams) : stream.failed_queue_arn],
      [local.held.reviews.failed_queue.arn, "arn:${data.aws_partition.this.partition}:sqs:${local.place}:${local.held.approvals.failed_queue}"],
    )
  }
}

locals {
  # Roles that the console takes for whom it has signed in, by their names: they name its own role.
  taken = {
    for role in keys(try(var.people.console.groups, {})) :
    role => "arn:${data.aws_partition.this.partition}:iam::${local.account}:role/${local.prefix}-${role}" if role != "reader"
  }
}

module "console" {
  source = "../modules/console"
  count  = var.people.console == null ? 0 : 1

  boundary_arn = var.boundary_arn
  image_digest = var.people.console.image_digest
  kms_key_arn  = local.held.lake.kms_key_arn
  network      = var.people.console.network
  oidc         = var.people.console.oidc
  prefix       = local.prefix
  roles        = { for role, group in var.people.console.groups : role => { group = group, arn = lookup(local.taken, role, null) } }
  served_as    = merge(var.people.console.served_as, { alarm_topic_arn = module.watch.alarm_topic_arn })

  outputs = jsonencode({
    api_url          = module.api.url
    artifacts_bucket = local.artifacts.bucket
    athena_workgroup = local.held.catalog.workgroup.name
    endpoint_name    = module.endpoint.name
    lake_bucket      = local.held.lake.name
    metric_namespace = local.namespace
    prefix           = local.prefix
    state_machines   = module.orchestration.arns
  })

  reads = local.console_reads
}

locals {
  # Models that come with the code lie beside it.
  console_reads = merge(module.people.looked_at, {
    ReadCodesModels = {
      actions   = ["s3:GetObject"]
      resources = ["${local.artifacts.arn}/models/bootstrap/*"]
    }
    FindCodesModels = {
      actions   = ["s3:ListBucket"]
      resources = [local.artifacts.arn]
      only_if   = { "s3:prefix" = ["models/bootstrap/*"] }
    }
    DecryptCodesModels = {
      actions   = ["kms:Decrypt"]
      resources = [local.artifacts.kms_key_arn]
    }
  })
}

# Who is told of a blocked payment subscribes here.
resource "aws_sns_topic" "fraud_alerts" {
  name              = "${local.prefix}-fraud-alerts"
  kms_master_key_id = local.held.lake.kms_key_arn
}

# Lambda's own boto3 is as old as its runtime, and may lack what the doors call: each function imports this one.
resource "aws_lambda_layer_version" "boto3" {
  layer_name               = "${local.prefix}-boto3"
  description              = "boto3 as it is pinned, with the services that functions call"
  s3_bucket                = local.artifacts.bucket
  s3_key                   = var.artifacts["layers/boto3"].key
  source_code_hash         = var.artifacts["layers/boto3"].hash
  compatible_runtimes      = ["python3.13"]
  compatible_architectures = ["arm64"]
}
