# How models are made: one pipeline per problem, whose steps each run as a role of their own (roles.tf).

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  arn       = "arn:${data.aws_partition.this.partition}"
  place     = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  sagemaker = "${local.arn}:sagemaker:${local.place}"

  # A pipeline is rendered before it is known where it runs: these are the places that it leaves open.
  places = {
    for problem in keys(var.problems) : problem => merge(
      {
        "ARTIFACTS-BUCKET"                            = var.artifacts.bucket
        "CODE-KEY"                                    = var.code_key
        "IMAGE-URI"                                   = var.runs_on.image
        "LAKE-BUCKET"                                 = var.lake.name
        "PREFIX-"                                     = "${var.prefix}-"
        "arn:aws:kms:eu-west-1:000000000000:key/LAKE" = var.lake.kms_key_arn
        "ml.m5.xlarge"                                = var.runs_on.instance_type
        # Whole texts of a list, with their quotes: as many take their place as there are.
        "\"NETWORK-SECURITY-GROUP\"" = join(", ", [for id in try(var.runs_on.network.security_group_ids, []) : jsonencode(id)])
        "\"NETWORK-SUBNET\""         = join(", ", [for id in try(var.runs_on.network.subnet_ids, []) : jsonencode(id)])
      },
      { for step in local.steps : "arn:aws:iam::000000000000:role/${upper(step)}-ROLE" => module.role["${problem}-${step}"].arn },
    )
  }

  # A definition comes apart into such places and single characters.
  pieces = { for problem, places in local.places : problem => join("|", concat(keys(places), ["(?s:.)"])) }

  definitions = {
    for problem, places in local.places : problem => jsondecode(join("", [
      for piece in regexall(local.pieces[problem], file("${var.definitions}/${problem}.json")) : lookup(places, piece, piece)
    ]))
  }

  # What says in a job's request that it runs in a network, where it does not.
  left_out = var.runs_on.network == null ? ["NetworkConfig", "VpcConfig"] : []
}

resource "aws_sagemaker_pipeline" "this" {
  for_each = var.problems

  pipeline_name         = "${var.prefix}-${each.key}"
  pipeline_display_name = "${var.prefix}-${each.key}"
  pipeline_description  = "Prepare, train, evaluate and register the ${each.key} model"
  role_arn              = module.pipeline[each.key].arn

  pipeline_definition = jsonencode(merge(local.definitions[each.key], {
    Steps = [
      for step in local.definitions[each.key].Steps :
      merge(step, { Arguments = { for name, value in step.Arguments : name => value if !contains(local.left_out, name) } })
    ]
  }))
}

# Runs the steps and registers what came out; it reads no data itself.
module "pipeline" {
  source   = "../role"
  for_each = var.problems

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-${each.key}-pipeline"
  description  = "The ${each.key} pipeline, which runs its steps and registers the model"
  service      = "sagemaker"

  permissions = {
    # SageMaker Pipelines names the jobs of its steps itself.
    RunSteps = {
      actions = [
        "sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob", "sagemaker:DescribeProcessingJob",
        "sagemaker:DescribeTrainingJob", "sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob",
      ]
      resources = ["${local.sagemaker}:processing-job/*", "${local.sagemaker}:training-job/*"]
    }
    Register = {
      actions = ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"]
      resources = flatten([
        for kind in ["model-package", "model-package-group"] : ["${local.sagemaker}:${kind}/${var.prefix}-${each.key}", "${local.sagemaker}:${kind}/${var.prefix}-${each.key}/*"]
      ])
    }
    TagWhatItMakes = {
      actions   = ["sagemaker:AddTags"]
      resources = [for kind in ["model-package", "processing-job", "training-job"] : "${local.sagemaker}:${kind}/*"]
    }
    PassRolesToSteps = {
      actions   = ["iam:PassRole"]
      resources = [for step in local.steps : module.role["${each.key}-${step}"].arn]
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
    # What the condition on the new model's quality looks at.
    ReadEvaluation = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/training/${each.key}/*"]
    }
    DecryptEvaluation = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
  }
}
