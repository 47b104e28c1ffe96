# How models are made: the execution role of jobs and endpoints, one registry and one pipeline per problem.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  arn       = "arn:${data.aws_partition.this.partition}"
  place     = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  sagemaker = "${local.arn}:sagemaker:${local.place}"

  # A pipeline is rendered before it is known where it runs: these are the places that it leaves open.
  places = {
    "ARTIFACTS-BUCKET"                              = var.artifacts.bucket
    "IMAGE-URI"                                     = var.image
    "LAKE-BUCKET"                                   = var.lake.name
    "PREFIX-"                                       = "${var.prefix}-"
    "arn:aws:iam::000000000000:role/EXECUTION-ROLE" = aws_iam_role.execution.arn
    "ml.m5.xlarge"                                  = var.instance_type
  }

  # A definition comes apart into such places and single characters.
  pieces = join("|", concat(keys(local.places), ["(?s:.)"]))
}

resource "aws_sagemaker_model_package_group" "this" {
  for_each = toset(var.problems)

  model_package_group_name        = "${var.prefix}-${each.key}"
  model_package_group_description = "Versions of the ${each.key} model"
}

resource "aws_sagemaker_pipeline" "this" {
  for_each = toset(var.problems)

  pipeline_name         = "${var.prefix}-${each.key}"
  pipeline_display_name = "${var.prefix}-${each.key}"
  pipeline_description  = "Prepare, train, evaluate and register the ${each.key} model"
  role_arn              = aws_iam_role.execution.arn

  pipeline_definition = join("", [
    for piece in regexall(local.pieces, file("${var.definitions}/${each.key}.json")) : lookup(local.places, piece, piece)
  ])

  depends_on = [aws_iam_role_policy.execution]
}

resource "aws_iam_role" "execution" {
  name               = "${var.prefix}-sagemaker"
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

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "ReadLake"
    actions   = ["s3:GetObject"]
    resources = [for zone in ["gold", "silver", "feature-store", "decisions", "training", "monitoring"] : "${var.lake.arn}/${zone}/*"]
  }

  statement {
    sid       = "WriteResults"
    actions   = ["s3:PutObject"]
    resources = [for zone in ["training", "predictions", "monitoring"] : "${var.lake.arn}/${zone}/*"]
  }

  statement {
    sid       = "ReadCode"
    actions   = ["s3:GetObject"]
    resources = ["${var.artifacts.arn}/training/*", "${var.artifacts.arn}/models/*"]
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

  # SageMaker Pipelines names the jobs of its steps itself.
  statement {
    sid = "RunSteps"
    actions = [
      "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob",
      "sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob",
    ]
    resources = ["${local.sagemaker}:processing-job/*", "${local.sagemaker}:training-job/*"]
  }

  statement {
    sid     = "Register"
    actions = ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"]
    resources = flatten([
      for kind in ["model-package", "model-package-group"] : [
        for problem in var.problems : ["${local.sagemaker}:${kind}/${var.prefix}-${problem}", "${local.sagemaker}:${kind}/${var.prefix}-${problem}/*"]
      ]
    ])
  }

  statement {
    sid       = "TagWhatAPipelineMakes"
    actions   = ["sagemaker:AddTags"]
    resources = [for kind in ["processing-job", "training-job", "model-package"] : "${local.sagemaker}:${kind}/*"]
  }

  statement {
    sid       = "PassItselfToItsJobs"
    actions   = ["iam:PassRole"]
    resources = ["${local.arn}:iam::${data.aws_caller_identity.this.account_id}:role/${var.prefix}-sagemaker"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    resources = ["${local.arn}:logs:${local.place}:log-group:/aws/sagemaker/*"]
  }

  # PutMetricData knows no resources; the namespace is the only bound there is.
  statement {
    sid       = "Measure"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringLike"
      variable = "cloudwatch:namespace"
      values   = [var.namespace, "/aws/sagemaker/*"]
    }
  }

  # Nor does this one: a registry's token is the account's.
  statement {
    sid       = "EnterRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["${local.arn}:ecr:${local.place}:repository/${var.prefix}-ml"]
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "execution"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}
