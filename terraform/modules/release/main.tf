# An approved model package becomes the model that serves. The release parameter says which one that is.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  sagemaker = "arn:${data.aws_partition.this.partition}:sagemaker:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"

  # Until a model is approved: nobody is blocked by a model that knows nothing, and rules already speak.
  bootstrap_policy = {
    version   = "bootstrap"
    model     = "bootstrap"
    review_at = 1
    block_at  = 1
    rules     = []
  }
}

resource "aws_ssm_parameter" "release" {
  for_each = var.problems

  name        = "/${var.prefix}/${each.key}/release"
  description = "The ${each.key} model that serves, and its policy"
  type        = "SecureString"
  key_id      = var.lake.kms_key_arn

  value = jsonencode(each.value.served ? {
    model_package_arn = null
    model_name        = var.endpoint.model_name
    model_data        = null
    endpoint_config   = var.endpoint.endpoint_config
    policy            = local.bootstrap_policy
    earlier_policy    = null
    } : {
    model_package_arn = null
    model_name        = null
    model_data        = null
    endpoint_config   = null
    policy            = null
    earlier_policy    = null
  })

  # The release function owns the value from here on.
  lifecycle {
    ignore_changes = [value, tier]
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
    PREFIX      = var.prefix
    MODEL_ROLES = jsonencode({ for problem, about in var.problems : problem => about.model_role_arn })
    SERVING     = jsonencode(var.serving)
    KMS_KEY     = var.lake.kms_key_arn
    LAKE        = var.lake.name
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
    ReadEvaluationsAndArchives = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/training/*"]
    }
    # An approved archive is copied to where this role alone writes. Listed, for the copy is made once.
    KeepArchives = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/released/*"]
    }
    FindArchives = {
      actions   = ["s3:ListBucket"]
      resources = [var.lake.arn]
      only_if   = { "s3:prefix" = ["released/*"] }
    }
    # Of the endpoint's volumes by a grant, of the release parameter with the key itself or, when it is long, a data key.
    Encrypt = {
      actions   = ["kms:CreateGrant", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
    Record = {
      actions   = ["ssm:GetParameter", "ssm:PutParameter"]
      resources = [for parameter in aws_ssm_parameter.release : parameter.arn]
    }
    PassModelRole = {
      actions   = ["iam:PassRole"]
      resources = [for about in values(var.problems) : about.model_role_arn]
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
  }
}
