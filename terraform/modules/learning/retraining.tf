# Drift trains anew, and releases nothing: what comes of it waits for an approval like any other version.
#
# CloudWatch tells EventBridge of every alarm that changes; the alarm is the policy. A model that serves is trained anew
# once, however long the drift lasts: the token of the training bears its name. It is told what the training of that
# model was told (costs, definition of default, fairness, rejects); a release that does not say trains by the defaults.

locals {
  # The problem by the alarm of its drift: of payments day by day, of loans with each run that scores them.
  drifted = { "${var.prefix}-drift" = "fraud", "${var.prefix}-loans-drift" = "credit" }

  train_anew = {
    Type           = "Task"
    Resource       = "arn:aws:states:::aws-sdk:sagemaker:startPipelineExecution"
    TimeoutSeconds = 60
    End            = true

    Retry = [{
      ErrorEquals     = ["SageMaker.SageMakerException", "SageMaker.ResourceLimitExceededException", "SageMaker.SdkClientException"]
      IntervalSeconds = 30
      BackoffRate     = 2
      MaxAttempts     = 4
      JitterStrategy  = "FULL"
    }]
  }
  training = {
    "PipelineName.$"             = "States.Format('${var.prefix}-{}', $.problem)"
    "ClientRequestToken.$"       = "States.Format('one-training-after-the-drift-of-{}', $.current.Item.model_name.S)"
    PipelineExecutionDescription = "The model that serves has drifted"
  }
}

resource "aws_cloudwatch_event_rule" "drift" {
  name        = "${var.prefix}-drifted"
  description = "What a model scores has drifted beyond what the policy bears"

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    detail      = { alarmName = keys(local.drifted), state = { value = ["ALARM"] } }
  })
}

resource "aws_cloudwatch_event_target" "retrain" {
  rule     = aws_cloudwatch_event_rule.drift.name
  arn      = aws_sfn_state_machine.retrain.arn
  role_arn = module.starts_retraining.arn
}

resource "aws_sfn_state_machine" "retrain" {
  name     = "${var.prefix}-retrain"
  role_arn = module.retrains.arn

  definition = jsonencode({
    Comment        = "An alarm of drift -> a run of the training pipeline, one for each model that serves"
    StartAt        = "Which"
    TimeoutSeconds = 900

    States = merge({ for alarm, problem in local.drifted : "Of_${problem}" => { Type = "Pass", Result = problem, ResultPath = "$.problem", Next = "FindRelease" } }, {
      Which = {
        Type    = "Choice"
        Choices = [for alarm, problem in local.drifted : { Variable = "$.detail.alarmName", StringEquals = alarm, Next = "Of_${problem}" }]
        Default = "NoneOfOurs"
      }

      NoneOfOurs = { Type = "Fail", Error = "UnknownAlarm", Cause = "expected an alarm of drift: ${join(" or ", keys(local.drifted))}" }

      FindRelease = {
        Type           = "Task"
        Resource       = "arn:aws:states:::dynamodb:getItem"
        TimeoutSeconds = 60
        Parameters     = { TableName = "${var.prefix}-releases", ConsistentRead = true, Key = { problem = { "S.$" = "$.problem" } } }
        ResultPath     = "$.current"
        Next           = "Released"

        Retry = [{
          ErrorEquals     = ["DynamoDB.AmazonDynamoDBException", "DynamoDB.SdkClientException"]
          IntervalSeconds = 2
          BackoffRate     = 2
          MaxAttempts     = 5
          JitterStrategy  = "FULL"
        }]
      }

      Released = {
        Type    = "Choice"
        Default = "NothingReleased"

        Choices = [
          { Variable = "$.current.Item.trained_with.S", IsPresent = true, Next = "TrainAlike" },
          { Variable = "$.current.Item.model_name.S", IsPresent = true, Next = "Train" },
        ]
        Default = "NothingReleased"
      }

      NothingReleased = { Type = "Succeed" }

      TrainAlike = merge(local.train_anew, {
        Parameters = merge(local.training, {
          "PipelineParameters.$" = "States.StringToJson(States.Format('[\\{\"Name\":\"AsOf\",\"Value\":\"{}\"\\}{}]', $.time, $.current.Item.trained_with.S))"
        })
      })

      Train = merge(local.train_anew, {
        Parameters = merge(local.training, { PipelineParameters = [{ Name = "AsOf", "Value.$" = "$.time" }] })
      })
    })
  })

  tracing_configuration {
    enabled = true
  }

  # What failed and where; never what it was given.
  logging_configuration {
    include_execution_data = false
    level                  = "ERROR"
    log_destination        = "${aws_cloudwatch_log_group.retrain.arn}:*"
  }
}

# Under /aws/vendedlogs/, which spares the account's log resource policy: it has room for a few groups only.
resource "aws_cloudwatch_log_group" "retrain" {
  name              = "/aws/vendedlogs/states/${var.prefix}-retrain"
  retention_in_days = 365
  kms_key_id        = var.lake.kms_key_arn
}

module "starts_retraining" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-drifted"
  description  = "The rule that starts the state machine ${var.prefix}-retrain"
  service      = "events"

  permissions = {
    Start = {
      actions   = ["states:StartExecution"]
      resources = [aws_sfn_state_machine.retrain.arn]
    }
  }
}

module "retrains" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-retrain-machine"
  description  = "The state machine ${var.prefix}-retrain"
  service      = "states"

  permissions = {
    ReadRelease = {
      actions   = ["dynamodb:GetItem"]
      resources = ["${local.arn}:dynamodb:${local.place}:table/${var.prefix}-releases"]
    }
    DecryptRelease = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
    # Nothing that lets a version serve.
    Train = {
      actions   = ["sagemaker:StartPipelineExecution"]
      resources = [for problem in values(local.drifted) : aws_sagemaker_pipeline.this[problem].arn]
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
