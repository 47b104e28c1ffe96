# One role for each kind of job of each problem: what a job reads and writes of the lake is all that it can reach.

locals {
  steps = ["prepare", "train", "evaluate"]

  # Prefixes of the lake.
  jobs = merge([
    for problem, about in var.problems : merge(
      {
        "${problem}-prepare" = {
          does   = "The step that prepares the ${problem} training sets"
          reads  = about.learns_from
          writes = ["training/${problem}"]
        }
        "${problem}-train" = {
          does   = "The step that trains ${problem} candidates"
          reads  = ["training/${problem}"]
          writes = ["training/${problem}/models"]
        }
        "${problem}-evaluate" = {
          does   = "The step that compares ${problem} candidates"
          reads  = ["training/${problem}"]
          writes = ["training/${problem}"]
        }
        "${problem}-model" = {
          does   = "Models of ${problem} where they score"
          reads  = about.served ? ["released/${problem}"] : ["released/${problem}", "training/scoring"]
          writes = about.served ? [] : ["predictions"]
        }
      },
      about.served ? {
        drift = {
          does   = "The job that compares a day's decisions with the training baseline"
          reads  = ["decisions", "released/${problem}"]
          writes = ["monitoring"]
        }
        "${problem}-watch" = {
          does   = "The job that says what has become of decided payments"
          reads  = ["decisions", "released/${problem}", "silver/fraud_labels", "training/${problem}"]
          writes = ["monitoring/${problem}"]
        }
        } : {
        score-set = {
          does   = "The job that gathers the loans to score of a month or a day"
          reads  = [about.learns_from[0], "predictions/daily_predictions", "released/${problem}"]
          writes = ["training/scoring"]
        }
        "${problem}-api" = {
          does   = "Models of ${problem} where they answer for single ones"
          reads  = ["released/${problem}"]
          writes = []
        }
        decide-loans = {
          does   = "The job that decides on scored loans by the credit policy"
          reads  = ["policies/${problem}/rules", "predictions/daily_predictions", "predictions/month=*", "released/${problem}", "training/scoring"]
          writes = ["predictions/credit_decisions"]
        }
        "${problem}-shadow" = {
          does   = "The job that decides on loans of the newest runs by a candidate, before it is released"
          reads  = [about.learns_from[0], "policies/${problem}/rules", "predictions/credit_decisions", "released/${problem}"]
          writes = ["monitoring/shadow/${problem}"]
        }
        "${problem}-watch" = {
          does   = "The jobs that compare scored loans with the training baseline, and say what has become of decided ones"
          reads  = concat([for prefix in about.learns_from : prefix if !startswith(prefix, "quality")], ["predictions", "released/${problem}", "training/${problem}", "training/scoring"])
          writes = ["monitoring/${problem}"]
        }
      },
    )
  ]...)

  # What an endpoint runs, which begins with a model that nobody has trained.
  served_models = [for problem, about in var.problems : about.served ? "${problem}-model" : "${problem}-api"]
  batch_models  = [for problem, about in var.problems : "${problem}-model" if !about.served]

  # SageMaker makes the interfaces of a job's instances in the role's name and lets its own account use them. It asks
  # nothing else of the network, and nothing of one that the platform did not name.
  interfaces = "${local.arn}:ec2:${local.place}:network-interface/*"
  subnets    = [for id in try(var.runs_on.network.subnet_ids, []) : "${local.arn}:ec2:${local.place}:subnet/${id}"]

  attaches = {
    MakeInterfaces = {
      actions = ["ec2:CreateNetworkInterface"]
      resources = concat(
        [local.interfaces], local.subnets,
        [for id in try(var.runs_on.network.security_group_ids, []) : "${local.arn}:ec2:${local.place}:security-group/${id}"],
      )
    }
    # By the interface's own subnet: its name is not known before it is made.
    LendInterfaces = {
      actions   = ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]
      resources = [local.interfaces]
      only_if   = { "ec2:Subnet" = local.subnets }
    }
    # What describes knows no resources.
    SeeNetwork = {
      actions = [
        "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      resources = ["*"]
    }
  }

  # Serverless endpoints join no network.
  outside = [for problem, about in var.problems : about.served ? "${problem}-model" : "${problem}-api" if about.serverless || !about.served]

  logs = "${local.arn}:logs:${local.place}:log-group:/aws/sagemaker/*"
}

module "role" {
  source   = "../role"
  for_each = local.jobs

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-${each.key}"
  description  = each.value.does
  service      = "sagemaker"

  permissions = merge(
    {
      ReadLake = {
        actions   = ["s3:GetObject"]
        resources = [for prefix in each.value.reads : "${var.lake.arn}/${prefix}/*"]
      }
      # SageMaker encrypts outputs with the key itself, and volumes by a grant that it makes in the job's name.
      UseKey = {
        actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"]
        resources = [var.lake.kms_key_arn]
      }
      Log = {
        actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        resources = [local.logs]
      }
      # PutMetricData knows no resources; the namespace is the only bound there is.
      Measure = {
        actions   = ["cloudwatch:PutMetricData"]
        resources = ["*"]
        only_if   = { "cloudwatch:namespace" = each.key == "drift" || endswith(each.key, "-watch") ? [var.namespace, "/aws/sagemaker/*"] : ["/aws/sagemaker/*"] }
      }
      # Nor does this one: a registry's token is the account's.
      EnterRegistry = {
        actions   = ["ecr:GetAuthorizationToken"]
        resources = ["*"]
      }
      PullImage = {
        actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        resources = ["${local.arn}:ecr:${local.place}:repository/${var.prefix}-ml"]
      }
    },
    # A model's archive holds its code. Where models are served, the first of them is none that was trained.
    contains(local.batch_models, each.key) ? {} : {
      ReadCode = {
        actions   = ["s3:GetObject"]
        resources = [contains(local.served_models, each.key) ? "${var.artifacts.arn}/models/*" : "${var.artifacts.arn}/training/*"]
      }
      DecryptCode = {
        actions   = ["kms:Decrypt"]
        resources = [var.artifacts.kms_key_arn]
      }
    },
    # A served model is one object, which is named; inputs of jobs are prefixes.
    contains(local.served_models, each.key) ? {} : {
      List = {
        actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
        resources = [var.artifacts.arn, var.lake.arn]
      }
    },
    { for sid, permission in local.attaches : sid => permission if var.runs_on.network != null && !contains(local.outside, each.key) },
    length(each.value.writes) > 0 ? {
      WriteResults = {
        actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
        resources = [for prefix in each.value.writes : "${var.lake.arn}/${prefix}/*"]
      }
    } : {},
  )
}
