# An approved model package becomes the model that serves. A document says which one that is; another, by which rules.
# The way there is a state machine (machine.tf), whose steps are one function's; alarms undo it by themselves (guard.tf).

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  arn        = "arn:${data.aws_partition.this.partition}"
  place      = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  cloudwatch = "${local.arn}:cloudwatch:${local.place}"
  sagemaker  = "${local.arn}:sagemaker:${local.place}"
  states     = "${local.arn}:states:${local.place}"

  # By name: the function starts the machine, and the machine calls the function.
  machine_arn = "${local.states}:stateMachine:${var.prefix}-release"
  run_arns    = "${local.states}:execution:${var.prefix}-release:*"

  # Each is written by one owner alone, and only as the successor of what was read: the release by the release function,
  # rules and the names of lists by operators. Terraform knows the tables and never an item. Identifiers lie in the lake.
  documents = toset(["policies", "releases"])

  # Of problems whose batches have an endpoint beside them.
  api_roles = { for problem, about in var.problems : "${problem}-api" => about.api_role_arn if about.api_role_arn != null }

  # As CreateModel takes it: released models run where the function does.
  vpc_config = var.code.network == null ? null : { SecurityGroupIds = var.code.network.security_group_ids, Subnets = var.code.network.subnet_ids }
}

resource "aws_dynamodb_table" "documents" {
  for_each = local.documents

  name         = "${var.prefix}-${each.key}"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "problem"

  attribute {
    name = "problem"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.lake.kms_key_arn
  }
}

module "function" {
  source = "../function"

  name            = "${var.prefix}-release"
  description     = "Makes an approved model package serve"
  handler         = "release.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code
  timeout_seconds = 20

  environment = {
    PREFIX         = var.prefix
    MODEL_ROLES    = jsonencode(merge({ for problem, about in var.problems : problem => about.model_role_arn }, local.api_roles))
    SERVING        = jsonencode(var.serving)
    NETWORK        = jsonencode(local.vpc_config)
    KMS_KEY        = var.lake.kms_key_arn
    LAKE           = var.lake.name
    MACHINE        = local.machine_arn
    RELEASES_TABLE = aws_dynamodb_table.documents["releases"].name
    POLICIES_TABLE = aws_dynamodb_table.documents["policies"].name

    METRIC_NAMESPACE = var.guard.namespace
    GUARD = jsonencode({
      canary_seconds = var.guard.canary_seconds
      bake_seconds   = var.guard.bake_seconds
      alarms         = [for alarm in values(aws_cloudwatch_metric_alarm.guard) : alarm.alarm_name]
      abort          = aws_cloudwatch_metric_alarm.abort.alarm_name
    })
  }

  permissions = {
    TakeApprovals = {
      actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = [var.approvals_queue_arn]
    }
    ReadPackages = {
      actions   = ["sagemaker:DescribeModelPackage"]
      resources = [for problem, _ in var.problems : "${local.sagemaker}:model-package/${var.prefix}-${problem}/*"]
    }
    MakeModels = {
      actions = [
        "sagemaker:CreateModel",
        "sagemaker:CreateEndpointConfig",
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModel",
        "sagemaker:UpdateEndpoint",
      ]
      resources = flatten([
        for problem, _ in var.problems : [
          "${local.sagemaker}:model/${var.prefix}-${problem}-*",
          "${local.sagemaker}:endpoint-config/${var.prefix}-${problem}-*",
          "${local.sagemaker}:endpoint/${var.prefix}-${problem}",
        ]
      ])
    }
    StartRuns = {
      actions   = ["states:DescribeExecution", "states:StartExecution"]
      resources = [local.machine_arn, local.run_arns]
    }
    # What a canary answers is looked at as a payer would see it; and what an endpoint of single loans answers.
    Probe = {
      actions   = ["sagemaker:InvokeEndpoint"]
      resources = [for problem, about in var.problems : "${local.sagemaker}:endpoint/${var.prefix}-${problem}" if about.served || about.api_role_arn != null]
    }
    SeeAlarms = {
      actions   = ["cloudwatch:DescribeAlarms"]
      resources = ["${local.cloudwatch}:alarm:*"]
    }
    # Whoever aborted a release did not abort the next one.
    ForgetAbort = {
      actions   = ["cloudwatch:SetAlarmState"]
      resources = [aws_cloudwatch_metric_alarm.abort.arn]
    }
    ReadEvaluationsAndArchives = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/monitoring/shadow/*", "${var.lake.arn}/training/*"]
    }
    # An approved archive is copied to where this role alone writes. Listed, for the copy is made once.
    KeepArchives = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/released/*"]
    }
    # What decisions were made by. The bucket takes them once.
    KeepThresholds = {
      actions   = ["s3:PutObject"]
      resources = [for problem in keys(var.problems) : "${var.lake.arn}/policies/${problem}/thresholds/*"]
    }
    FindArchivesAndDays = {
      actions   = ["s3:ListBucket"]
      resources = [var.lake.arn]
      only_if   = { "s3:prefix" = ["decisions/*", "predictions/credit_decisions/*", "released/*"] }
    }
    # Of the endpoint's volumes by a grant, of what is kept with a data key.
    Encrypt = {
      actions   = ["kms:CreateGrant", "kms:DescribeKey", "kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
    Record = {
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
      resources = [aws_dynamodb_table.documents["releases"].arn]
    }
    # By which policy a candidate's loans are compared: it is an operator's to write.
    ReadPolicy = {
      actions   = ["dynamodb:GetItem"]
      resources = [aws_dynamodb_table.documents["policies"].arn]
    }
    PassModelRole = {
      actions   = ["iam:PassRole"]
      resources = concat([for about in values(var.problems) : about.model_role_arn], values(local.api_roles))
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
  }
}
