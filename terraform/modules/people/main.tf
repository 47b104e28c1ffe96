# Roles for people, one for each kind of work. Who may take one is named from outside; a role that nobody is named for is
# not made. None may read RAW; operator and approver read what no analyst may: the state that names what was built.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  arn       = "arn:${data.aws_partition.this.partition}"
  place     = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  glue      = "${local.arn}:glue:${local.place}"
  sagemaker = "${local.arn}:sagemaker:${local.place}"
  states    = "${local.arn}:states:${local.place}"
  via       = { for service in ["kinesis", "s3"] : service => { "kms:ViaService" = ["${service}.${data.aws_region.this.name}.amazonaws.com"] } }

  # What views are made of. RAW and BRONZE, payments as they came, are not.
  zones = ["analytics", "decisions", "gold", "predictions", "quarantine", "silver"]

  does = {
    producer       = "A payment system: puts payments on the stream, asks the API to decide, and what became of reviews"
    lender         = "A loan system: asks the API to decide on single applications"
    uploader       = "Whoever brings RAW files; they cannot read what lies there"
    analyst        = "Analysts: ask Athena what the views show, without RAW and BRONZE"
    approver       = "Whoever approves a model, and does nothing else: who trains one does not let it serve"
    reviewer       = "Whoever reviews payments: takes cases, decides them, and says what payments were"
    watcher        = "Whoever watches releases: sees how they go, and can abort the one that is under way; nothing else"
    review-lead    = "Whoever leads reviewers: works on cases as they do, takes what they escalated, reassigns and reopens"
    review-auditor = "Whoever audits reviews: reads cases and their history, and changes none"
    policy-owner   = "Whoever owns the policy and lists that rules look up: changes them, and nothing else"
    operator       = "On call: starts nights, trainings and replays, changes the policy, sees how things stand"
  }

  # What is released, whether it serves, and how a release goes.
  release_followed = {
    SeeReleases = {
      actions   = ["dynamodb:GetItem"]
      resources = [var.operated.documents["releases"]]
    }
    SeeEndpoint = {
      actions   = ["sagemaker:DescribeEndpoint"]
      resources = ["${local.sagemaker}:endpoint/${var.operated.endpoint}"]
    }
    FollowReleases = {
      actions   = ["states:DescribeExecution"]
      resources = ["${local.states}:execution:${var.prefix}-release:*"]
    }
    Decrypt = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
  }

  # What `make` commands ask first: which environment this is, and what is built of it.
  asked_first = {
    ReadOutputs = {
      actions   = ["s3:GetObject"]
      resources = [for stack in ["data", "platform"] : "${var.state.arn}/${stack}.tfstate"]
    }
    FindState = {
      actions   = ["s3:ListBucket"]
      resources = [var.state.arn]
    }
    DecryptState = {
      actions   = ["kms:Decrypt", "kms:DescribeKey"]
      resources = [var.state.kms_key_arn]
    }
  }

  # A right on a case is a route of its own.
  review = {
    ReadCases = {
      actions   = ["execute-api:Invoke"]
      resources = [for read in ["cases", "cases/*", "openapi.json"] : "${var.api_execution_arn}/$default/GET/v1/${read}"]
    }
    WorkOnCases = {
      actions   = ["execute-api:Invoke"]
      resources = [for right in ["next", "*/claim", "*/comment", "*/decide", "*/escalate", "*/release"] : "${var.api_execution_arn}/$default/POST/v1/cases/${right}"]
    }
  }

  # The policy, and lists that rules look up.
  policy = {
    ChangePolicy = {
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
      resources = [var.operated.documents["policies"]]
    }
    SeeReleases = {
      actions   = ["dynamodb:GetItem"]
      resources = [var.operated.documents["releases"]]
    }
    KeepLists = {
      actions = [
        "dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
      ]
      resources = [var.operated.documents["lists"]]
    }
    ChangeLists = {
      actions   = ["execute-api:Invoke"]
      resources = [for route in ["GET/v1/openapi.json", "POST/v1/lists"] : "${var.api_execution_arn}/$default/${route}"]
    }
    # What once decided stays: the bucket takes each content once.
    KeepPolicies = {
      actions = ["s3:GetObject", "s3:PutObject"]
      resources = concat(
        [for kind in ["lists", "rules", "versions"] : "${var.lake.arn}/policies/fraud/${kind}/*"],
        [for kind in ["rules", "versions"] : "${var.lake.arn}/policies/credit/${kind}/*"],
      )
    }
    FindPolicies = {
      actions   = ["s3:ListBucket"]
      resources = [var.lake.arn]
      only_if   = { "s3:prefix" = ["policies/fraud/rules/*"] }
    }
  }

  permissions = {
    producer = {
      PutPayments = {
        actions   = ["kinesis:PutRecord", "kinesis:PutRecords"]
        resources = [var.stream.arn]
      }
      Encrypt = {
        actions   = ["kms:GenerateDataKey"]
        resources = [var.lake.kms_key_arn]
        only_if   = local.via["kinesis"]
      }
      Ask = {
        actions   = ["execute-api:Invoke"]
        resources = [for route in ["GET/v1/decisions", "GET/v1/openapi.json", "POST/v1/decisions"] : "${var.api_execution_arn}/$default/${route}"]
      }
    }

    lender = {
      Ask = {
        actions   = ["execute-api:Invoke"]
        resources = [for route in ["GET/v1/openapi.json", "POST/v1/loans/decide"] : "${var.api_execution_arn}/$default/${route}"]
      }
    }

    uploader = {
      BringFiles = {
        actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
        resources = ["${var.lake.arn}/raw/*"]
      }
      # Large files go up in parts, which S3 reads again to put them together.
      Encrypt = {
        actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources = [var.lake.kms_key_arn]
        only_if   = local.via["s3"]
      }
    }

    reviewer = merge(local.review, {
      Tell = {
        actions   = ["execute-api:Invoke"]
        resources = ["${var.api_execution_arn}/$default/POST/v1/labels"]
      }
    })

    review-lead = merge(local.review, {
      Lead = {
        actions   = ["execute-api:Invoke"]
        resources = [for right in ["next-escalated", "*/reassign", "*/reopen"] : "${var.api_execution_arn}/$default/POST/v1/cases/${right}"]
      }
    })

    review-auditor = {
      ReadCases = local.review.ReadCases
    }

    analyst = {
      Ask = {
        actions = [
          "athena:BatchGetNamedQuery", "athena:GetDataCatalog", "athena:GetNamedQuery", "athena:GetQueryExecution",
          "athena:GetQueryResults", "athena:GetWorkGroup", "athena:ListNamedQueries", "athena:ListQueryExecutions",
          "athena:StartQueryExecution", "athena:StopQueryExecution",
        ]
        resources = [var.catalog.workgroup_arn, "${local.arn}:athena:${local.place}:datacatalog/AwsDataCatalog"]
      }
      # Athena looks at `default`, whatever database a statement names.
      ReadCatalog = {
        actions = [
          "glue:BatchGetPartition", "glue:GetDatabase", "glue:GetDatabases", "glue:GetPartition", "glue:GetPartitions",
          "glue:GetTable", "glue:GetTables",
        ]
        resources = concat(
          ["${local.glue}:catalog", "${local.glue}:database/default"],
          [for zone in local.zones : "${local.glue}:database/${var.catalog.database_prefix}_${zone}"],
          [for zone in local.zones : "${local.glue}:table/${var.catalog.database_prefix}_${zone}/*"],
        )
      }
      ReadZones = {
        actions   = ["s3:GetObject"]
        resources = [for zone in local.zones : "${var.lake.arn}/${zone}/*"]
      }
      ListZones = {
        actions   = ["s3:ListBucket"]
        resources = [var.lake.arn]
        only_if   = { "s3:prefix" = concat(["athena/*"], [for zone in local.zones : "${zone}/*"]) }
      }
      KeepResults = {
        actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
        resources = ["${var.lake.arn}/athena/*"]
      }
      FindLake = {
        actions   = ["s3:GetBucketLocation"]
        resources = [var.lake.arn]
      }
      UseKey = {
        actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources = [var.lake.kms_key_arn]
        only_if   = local.via["s3"]
      }
    }

    approver = merge(local.asked_first, local.release_followed, {
      Approve = {
        actions   = ["sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"]
        resources = [for problem in var.operated.problems : "${local.sagemaker}:model-package/${var.prefix}-${problem}/*"]
      }
      FindModels = {
        actions   = ["sagemaker:ListModelPackages"]
        resources = ["*"]
      }
      # The dossier that an approval is held to.
      ReadEvaluations = {
        actions   = ["s3:GetObject"]
        resources = [for problem in var.operated.problems : "${var.lake.arn}/training/${problem}/*/evaluation/*"]
      }
    })

    watcher = merge(local.asked_first, local.release_followed, {
      Abort = {
        actions   = ["cloudwatch:SetAlarmState"]
        resources = [var.operated.abort_alarm]
      }
      SeeAlarms = {
        actions   = ["cloudwatch:DescribeAlarms"]
        resources = ["${local.arn}:cloudwatch:${local.place}:alarm:*"]
      }
    })

    policy-owner = merge(local.policy, {
      UseKey = {
        actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
        resources = [var.lake.kms_key_arn]
      }
    })

    operator = merge(local.asked_first, local.policy, {
      RunMachines = {
        actions   = ["states:ListExecutions", "states:StartExecution"]
        resources = [for arn in values(var.operated.state_machines) : arn]
      }
      FollowRuns = {
        actions   = ["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"]
        resources = [for name in keys(var.operated.state_machines) : "${local.states}:execution:${var.prefix}-${name}:*"]
      }
      FollowReleases = {
        actions   = ["states:DescribeExecution"]
        resources = ["${local.states}:execution:${var.prefix}-release:*"]
      }
      Train = {
        actions = [
          "sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps", "sagemaker:ListPipelineExecutions",
          "sagemaker:ListPipelineParametersForExecution", "sagemaker:StartPipelineExecution", "sagemaker:StopPipelineExecution",
        ]
        resources = flatten([
          for problem in var.operated.problems :
          ["${local.sagemaker}:pipeline/${var.prefix}-${problem}", "${local.sagemaker}:pipeline/${var.prefix}-${problem}/execution/*"]
        ])
      }
      # The list is of the account.
      FindModels = {
        actions   = ["sagemaker:ListModelPackages"]
        resources = ["*"]
      }
      SeeModels = {
        actions = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeModelPackage"]
        resources = concat(
          ["${local.sagemaker}:endpoint/${var.operated.endpoint}"],
          [for problem in var.operated.problems : "${local.sagemaker}:model-package/${var.prefix}-${problem}/*"],
        )
      }
      # Evaluations of models, what the drift job says of a day, and the terms by which a replay judges payments.
      ReadReports = {
        actions   = ["s3:GetObject"]
        resources = concat([for prefix in ["monitoring", "quality/terms"] : "${var.lake.arn}/${prefix}/*"], [for problem in var.operated.problems : "${var.lake.arn}/training/${problem}/*"])
      }
      FindReports = {
        actions   = ["s3:ListBucket"]
        resources = [var.lake.arn]
        only_if   = { "s3:prefix" = ["monitoring/*", "quality/terms/*", "training/*"] }
      }
      ReadLogs = {
        actions   = ["logs:FilterLogEvents"]
        resources = ["${local.arn}:logs:${local.place}:log-group:/aws/lambda/${var.prefix}-*"]
      }
      SeeMeasures = {
        actions   = ["cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"]
        resources = ["*"]
      }
      SeeAlarms = {
        actions   = ["cloudwatch:DescribeAlarms"]
        resources = ["${local.arn}:cloudwatch:${local.place}:alarm:*"]
      }
      FindQueues = {
        actions   = ["sqs:ListQueues"]
        resources = ["*"]
      }
      TakeWhatFailed = {
        actions = [
          "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage",
        ]
        resources = var.stream.failed_queue_arns
      }
      Replay = {
        actions   = ["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:PutRecords"]
        resources = [var.stream.arn]
      }
      SetAside = {
        actions   = ["s3:PutObject"]
        resources = ["${var.lake.arn}/quarantine/stream/*"]
      }
      UseKey = {
        actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
        resources = [var.lake.kms_key_arn]
      }
    })
  }
}

# What the console's pages read, whoever looks: nothing of it changes anything but Athena's own results.
locals {
  looked_at = merge(local.permissions["analyst"], {
    Decrypt = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
    ReadDocuments = {
      actions   = ["dynamodb:GetItem"]
      resources = [for owner in ["policies", "releases"] : var.operated.documents[owner]]
    }
    LookUpLists = {
      actions   = ["dynamodb:BatchGetItem", "dynamodb:Query"]
      resources = [var.operated.documents["lists"]]
    }
    # Policies that decided, registered models with their dossiers, and what a payment is computed again from.
    ReadEvidence = {
      actions = ["s3:GetObject"]
      resources = concat(
        [for kept in ["late", "policies/credit/rules", "policies/fraud", "quality/terms", "released", "training/scoring"] : "${var.lake.arn}/${kept}/*"],
        [for problem in var.operated.problems : "${var.lake.arn}/training/${problem}/*"],
      )
    }
    FindEvidence = {
      actions   = ["s3:ListBucket"]
      resources = [var.lake.arn]
      only_if   = { "s3:prefix" = ["late/*", "policies/fraud/*", "quality/terms/*", "training/scoring/*"] }
    }
    FindModels = {
      actions   = ["sagemaker:ListModelPackages"]
      resources = ["*"]
    }
    SeeModels = {
      actions = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeModelPackage", "sagemaker:ListPipelineExecutions"]
      resources = concat(
        ["${local.sagemaker}:endpoint/${var.operated.endpoint}"],
        [for problem in var.operated.problems : "${local.sagemaker}:model-package/${var.prefix}-${problem}/*"],
        [for problem in var.operated.problems : "${local.sagemaker}:pipeline/${var.prefix}-${problem}"],
      )
    }
    # Which model scored a month's loans.
    SeeScorings = {
      actions = ["sagemaker:DescribeModel", "sagemaker:DescribeTransformJob"]
      resources = [
        "${local.sagemaker}:transform-job/${var.prefix}-score-loans-*", "${local.sagemaker}:model/${var.prefix}-credit-*",
      ]
    }
    SeeRuns = {
      actions   = ["states:ListExecutions"]
      resources = values(var.operated.state_machines)
    }
    SeeMeasures = {
      actions   = ["cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"]
      resources = ["*"]
    }
    SeeAlarms = {
      actions   = ["cloudwatch:DescribeAlarms"]
      resources = ["${local.arn}:cloudwatch:${local.place}:alarm:*"]
    }
    FindQueues = {
      actions   = ["sqs:ListQueues"]
      resources = ["*"]
    }
    SeeQueues = {
      actions   = ["sqs:GetQueueAttributes"]
      resources = var.stream.failed_queue_arns
    }
  })
}

module "role" {
  source   = "../role"
  for_each = { for name in keys(local.permissions) : name => lookup(var.people, name, []) if length(lookup(var.people, name, [])) > 0 || contains(keys(var.signed_in.takes), name) }

  name         = "${var.prefix}-${each.key}"
  boundary_arn = var.boundary_arn
  description  = local.does[each.key]
  people       = { principals = each.value, mfa = var.signed_in.asked, console = contains(keys(var.signed_in.takes), each.key) ? { role = var.signed_in.console, group = var.signed_in.takes[each.key] } : null }
  permissions  = local.permissions[each.key]
}
