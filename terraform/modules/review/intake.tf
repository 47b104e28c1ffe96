# What opens cases: payments from the queue. And every few minutes a look at how the cases stand.

module "intake" {
  source = "../function"

  name            = "${var.prefix}-intake"
  description     = "Opens review cases, finishes what was decided, and measures how they stand"
  handler         = "intake.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code["lambda/intake"]
  timeout_seconds = 30

  environment = {
    ANSWERS_TABLE     = var.answers_table.name
    ANSWERS_TOPIC_ARN = var.cases.answers_topic_arn
    CASES_TABLE       = var.cases.table.name
    LAKE_BUCKET       = var.lake.name
    MERCHANT_STREAM   = var.counter_stream.name
    METRIC_NAMESPACE  = var.namespace
    SERVICE_MINUTES   = 60 * var.service.hours
  }

  permissions = merge(local.finish, {
    OpenCases = {
      actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [var.cases.table.arn]
    }
    TakePayments = {
      actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = [var.queue_arn]
    }
  })
}

resource "aws_lambda_event_source_mapping" "reviews" {
  function_name           = module.intake.arn
  event_source_arn        = var.queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"] # one that is no payment does not hold up the others
}

module "watch_role" {
  source = "../role"

  boundary_arn = var.code["lambda/intake"].boundary_arn
  name         = "${var.prefix}-cases-watch"
  description  = "The schedule that looks at review cases"
  service      = "scheduler"

  permissions = {
    Start = {
      actions   = ["lambda:InvokeFunction"]
      resources = [module.intake.arn]
    }
    UseKey = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
  }
}

resource "aws_scheduler_schedule" "watch" {
  name                = "${var.prefix}-cases-watch"
  schedule_expression = "rate(5 minutes)"
  state               = var.service.watched ? "ENABLED" : "DISABLED"
  kms_key_arn         = var.lake.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.intake.arn
    role_arn = module.watch_role.arn
    input    = jsonencode({ look_at = "cases" })

    # The next look comes soon enough.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }
}
