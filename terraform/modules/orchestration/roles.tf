# Who the state machines and the scheduler are: each machine may do what its own steps do.

locals {
  processing = {
    RunJobs = {
      actions = [
        "sagemaker:AddTags", # .sync tags the jobs it starts
        "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob",
      ]
      resources = ["${local.arn}:sagemaker:${local.place}:processing-job/${var.prefix}-*"]
    }
    # How .sync learns that a SageMaker job has ended.
    WatchJobs = {
      actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      resources = ["${local.arn}:events:${local.place}:rule/StepFunctionsGetEventsForSageMaker*"]
    }
  }

  # Log delivery knows no resources.
  logging = {
    DeliverLogs = {
      actions = [
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
      ]
      resources = ["*"]
    }
  }

  tracing = {
    Trace = {
      actions   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"]
    }
  }

  find_decisions = {
    FindDecisions = {
      actions   = ["s3:ListBucket"]
      resources = [var.lake.arn]
    }
  }

  permissions = {
    nightly = merge(local.logging, local.tracing, local.find_decisions, {
      RunGlue = {
        actions   = ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"]
        resources = [for name in values(var.jobs) : "${local.arn}:glue:${local.place}:job/${name}"]
      }
      Seal = {
        actions   = ["lambda:InvokeFunction"]
        resources = [module.seal.arn]
      }
      Crawl = {
        actions   = ["glue:GetCrawler", "glue:StartCrawler"]
        resources = [for name in values(var.crawlers) : "${local.arn}:glue:${local.place}:crawler/${name}"]
      }
    })

    drift = merge(local.logging, local.tracing, local.find_decisions, local.processing, local.read_release, local.decrypt_release, {
      PassRole    = merge(local.pass["drift"], { resources = [for kind in ["drift", "fraud-watch"] : var.processing.roles[kind]] })
      SeeVersions = local.see_versions["fraud"]
    })

    score-loans = merge(local.logging, local.tracing, local.processing, local.read_release, {
      PassRole    = merge(local.pass["score-set"], { resources = [for kind in ["credit-watch", "decide-loans", "score-set"] : var.processing.roles[kind]] })
      SeeVersions = local.see_versions["credit"]
      ReadPolicy = {
        actions   = ["dynamodb:GetItem"]
        resources = ["${local.arn}:dynamodb:${local.place}:table/${var.prefix}-policies"]
      }
      Transform = {
        actions = [
          "sagemaker:AddTags", "sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob",
        ]
        resources = [for kind in ["model", "transform-job"] : "${local.arn}:sagemaker:${local.place}:${kind}/${var.prefix}-*"]
      }
      Ask = {
        actions   = ["athena:GetQueryExecution", "athena:StartQueryExecution", "athena:StopQueryExecution"]
        resources = [var.athena_workgroup.arn]
      }
      FindCatalog = {
        actions   = ["athena:GetDataCatalog"]
        resources = ["${local.arn}:athena:${local.place}:datacatalog/AwsDataCatalog"]
      }
      # Athena looks at `default`, whatever database a statement names.
      AddPartitions = {
        actions = [
          "glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:CreatePartition", "glue:GetDatabase", "glue:GetPartition",
          "glue:GetTable", "glue:UpdatePartition",
        ]
        resources = [
          "${local.arn}:glue:${local.place}:catalog",
          "${local.arn}:glue:${local.place}:database/default",
          "${local.arn}:glue:${local.place}:database/${var.athena_workgroup.predictions_database}",
          "${local.arn}:glue:${local.place}:table/${var.athena_workgroup.predictions_database}/*",
        ]
      }
      KeepResults = {
        actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        resources = ["${var.lake.arn}/athena/*"]
      }
      SeeLake = {
        actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
        resources = [var.lake.arn]
      }
      UseKey = {
        actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources = [var.lake.kms_key_arn]
      }
    })
  }

  pass = {
    for kind, role in var.processing.roles : kind => {
      actions   = ["iam:PassRole"]
      resources = [role]
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
  }

  # Where the evaluation of the version that serves lies.
  see_versions = {
    for problem in ["credit", "fraud"] : problem => {
      actions   = ["sagemaker:DescribeModelPackage"]
      resources = ["${local.arn}:sagemaker:${local.place}:model-package/${var.prefix}-${problem}/*"]
    }
  }

  read_release = {
    ReadRelease = {
      actions   = ["dynamodb:GetItem"]
      resources = ["${local.arn}:dynamodb:${local.place}:table/${var.prefix}-releases"]
    }
  }

  decrypt_release = {
    DecryptRelease = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
  }
}

module "role" {
  source   = "../role"
  for_each = local.machines

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-${each.key}-machine"
  description  = "The state machine ${var.prefix}-${each.key}"
  service      = "states"
  permissions  = local.permissions[each.key]
}

module "scheduler" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-scheduler"
  description  = "The schedules, which start state machines"
  service      = "scheduler"

  permissions = {
    Start = {
      actions   = ["states:StartExecution"]
      resources = [for name in keys(local.machines) : "${local.arn}:states:${local.place}:stateMachine:${var.prefix}-${name}"]
    }
    UseKey = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
  }
}
