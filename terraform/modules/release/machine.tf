# The release as a state machine: each run is one version's way from its approval to serving, or to what stopped it.

locals {
  machine = jsondecode(templatefile("${path.module}/machines/release.asl.json", {
    code_uri      = var.shadow.code_uri
    function      = module.function.name
    image         = var.shadow.image
    instance_type = var.shadow.instance_type
    kms_key_arn   = var.lake.kms_key_arn
    lake          = var.lake.name
    loan_role     = var.shadow.loan_role_arn
    poll_seconds  = var.guard.poll_seconds
    region        = data.aws_region.this.name
    role          = var.shadow.role_arn
    wait_seconds  = 10 * var.guard.poll_seconds

    # Each is the text of a whole list.
    security_group_ids = join("\", \"", try(var.code.network.security_group_ids, []))
    subnet_ids         = join("\", \"", try(var.code.network.subnet_ids, []))
  }))

  # What says in a job's request that it runs in a network, where it does not.
  left_out = var.code.network == null ? ["NetworkConfig"] : []
}

resource "aws_sfn_state_machine" "this" {
  name     = "${var.prefix}-release"
  role_arn = module.machine.arn

  definition = jsonencode(merge(local.machine, {
    States = {
      for name, state in local.machine.States : name => merge(state, {
        for member, value in state : member => { for given, text in value : given => text if !contains(local.left_out, given) } if member == "Parameters"
      })
    }
  }))

  tracing_configuration {
    enabled = true
  }

  # What failed and where; never what it was given.
  logging_configuration {
    include_execution_data = false
    level                  = "ERROR"
    log_destination        = "${aws_cloudwatch_log_group.machine.arn}:*"
  }
}

# Under /aws/vendedlogs/, which spares the account's log resource policy: it has room for a few groups only.
resource "aws_cloudwatch_log_group" "machine" {
  name              = "/aws/vendedlogs/states/${var.prefix}-release"
  retention_in_days = 365
  kms_key_id        = var.lake.kms_key_arn
}

module "machine" {
  source = "../role"

  boundary_arn = var.code.boundary_arn
  name         = "${var.prefix}-release-machine"
  description  = "The state machine ${var.prefix}-release"
  service      = "states"

  permissions = {
    Step = {
      actions   = ["lambda:InvokeFunction"]
      resources = [module.function.arn]
    }
    RunJobs = {
      actions = [
        "sagemaker:AddTags", # .sync tags the jobs it starts
        "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob",
      ]
      resources = ["${local.sagemaker}:processing-job/${var.prefix}-*"]
    }
    # How .sync learns that a SageMaker job has ended.
    WatchJobs = {
      actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
      resources = ["${local.arn}:events:${local.place}:rule/StepFunctionsGetEventsForSageMaker*"]
    }
    PassRole = {
      actions   = ["iam:PassRole"]
      resources = [var.shadow.role_arn, var.shadow.loan_role_arn]
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
    # Log delivery knows no resources.
    DeliverLogs = {
      actions = [
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
      ]
      resources = ["*"]
    }
    Trace = {
      actions   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"]
    }
  }
}
