# Who the state machines and the scheduler are.

resource "aws_iam_role" "machines" {
  name               = "${var.prefix}-state-machines"
  assume_role_policy = data.aws_iam_policy_document.trust["states.amazonaws.com"].json
}

resource "aws_iam_role" "scheduler" {
  name               = "${var.prefix}-scheduler"
  assume_role_policy = data.aws_iam_policy_document.trust["scheduler.amazonaws.com"].json
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["states.amazonaws.com", "scheduler.amazonaws.com"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.key]
    }

    # Another account's machine or schedule cannot borrow the role.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

data "aws_iam_policy_document" "machines" {
  statement {
    sid       = "RunGlue"
    actions   = ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"]
    resources = [for name in values(var.jobs) : "${local.arn}:glue:${local.place}:job/${name}"]
  }

  statement {
    sid       = "Seal"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.seal.arn]
  }

  statement {
    sid       = "Crawl"
    actions   = ["glue:StartCrawler", "glue:GetCrawler"]
    resources = [for name in values(var.crawlers) : "${local.arn}:glue:${local.place}:crawler/${name}"]
  }

  statement {
    sid = "RunSageMaker"
    actions = [
      "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob",
      "sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob",
      "sagemaker:AddTags", # .sync tags the jobs it starts
    ]
    resources = [
      for kind in ["processing-job", "transform-job", "model"] : "${local.arn}:sagemaker:${local.place}:${kind}/${var.prefix}-*"
    ]
  }

  statement {
    sid       = "PassJobRole"
    actions   = ["iam:PassRole"]
    resources = [var.execution_role_arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }

  # How .sync learns that a SageMaker job has ended.
  statement {
    sid       = "WatchJobs"
    actions   = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
    resources = ["${local.arn}:events:${local.place}:rule/StepFunctionsGetEventsForSageMaker*"]
  }

  statement {
    sid       = "ReadRelease"
    actions   = ["ssm:GetParameter"]
    resources = ["${local.arn}:ssm:${local.place}:parameter/${var.prefix}/*/release"]
  }

  statement {
    sid       = "Ask"
    actions   = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution"]
    resources = [var.athena_workgroup.arn]
  }

  statement {
    sid       = "FindCatalog"
    actions   = ["athena:GetDataCatalog"]
    resources = ["${local.arn}:athena:${local.place}:datacatalog/AwsDataCatalog"]
  }

  statement {
    sid     = "AddPartitions"
    actions = ["glue:GetDatabase", "glue:GetTable", "glue:CreatePartition", "glue:BatchCreatePartition", "glue:GetPartition"]
    resources = [
      "${local.arn}:glue:${local.place}:catalog",
      "${local.arn}:glue:${local.place}:database/${var.athena_workgroup.predictions_database}",
      "${local.arn}:glue:${local.place}:table/${var.athena_workgroup.predictions_database}/*",
    ]
  }

  statement {
    sid       = "KeepResults"
    actions   = ["s3:PutObject", "s3:GetObject"]
    resources = ["${var.lake.arn}/athena/*"]
  }

  statement {
    sid       = "SeeLake"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.lake.arn]
  }

  statement {
    sid       = "Encrypt"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.lake.kms_key_arn]
  }
}

resource "aws_iam_role_policy" "machines" {
  name   = "run"
  role   = aws_iam_role.machines.id
  policy = data.aws_iam_policy_document.machines.json
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    actions   = ["states:StartExecution"]
    resources = [for name in keys(local.machines) : "${local.arn}:states:${local.place}:stateMachine:${var.prefix}-${name}"]
  }
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "start"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.scheduler.json
}
