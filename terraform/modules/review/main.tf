# The cases door: what reviewers, leads and auditors ask of review cases, and what payers ask who wait, on the API of the
# decisions. Each right is a route of its own, so that IAM alone says who may do what.

locals {
  routes = toset([
    "GET /cases",
    "GET /cases/{id}",
    "GET /decisions",
    "POST /cases/next",
    "POST /cases/next-escalated",
    "POST /cases/{id}/claim",
    "POST /cases/{id}/comment",
    "POST /cases/{id}/decide",
    "POST /cases/{id}/escalate",
    "POST /cases/{id}/reassign",
    "POST /cases/{id}/release",
    "POST /cases/{id}/reopen",
  ])

  # As the API knows them, below its version.
  keys = { for route in local.routes : route => replace(route, " ", " /v1") }

  # What follows from a decision: the door does it at once, and what failed the intake does later.
  finish = {
    WriteLabels = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/raw/fraud_labels/*"]
    }
    FindLabels = {
      actions   = ["s3:ListBucket"]
      resources = [var.lake.arn]
      only_if   = { "s3:prefix" = ["raw/fraud_labels/*"] }
    }
    TellPayers = {
      actions   = ["sns:Publish"]
      resources = [var.cases.answers_topic_arn]
    }
    LookUpFrauds = {
      actions   = ["dynamodb:BatchGetItem"]
      resources = [var.answers_table.arn]
    }
    TellMerchants = {
      actions   = ["kinesis:PutRecords"]
      resources = [var.counter_stream.arn]
    }
    Encrypt = {
      actions   = ["kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
    FindCases = {
      actions   = ["dynamodb:Query"]
      resources = [var.cases.table.arn, "${var.cases.table.arn}/index/queue"]
    }
  }
}

module "cases" {
  source = "../function"

  name            = "${var.prefix}-cases"
  description     = "Cases door: what people ask of review cases"
  handler         = "cases.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code["lambda/cases"]
  timeout_seconds = 25

  environment = {
    ANSWERS_TABLE     = var.answers_table.name
    ANSWERS_TOPIC_ARN = var.cases.answers_topic_arn
    CASES_TABLE       = var.cases.table.name
    LAKE_BUCKET       = var.lake.name
    MERCHANT_STREAM   = var.counter_stream.name
    LOCK_MINUTES      = var.service.lock_minutes
    METRIC_NAMESPACE  = var.namespace
    SERVICE_MINUTES   = 60 * var.service.hours
  }

  permissions = merge(local.finish, {
    WorkOnCases = {
      actions = [
        "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem",
      ]
      resources = [var.cases.table.arn]
    }
  })
}

resource "aws_apigatewayv2_integration" "cases" {
  api_id                 = var.api.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.cases.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 25000
}

resource "aws_apigatewayv2_route" "cases" {
  for_each = local.routes

  api_id             = var.api.id
  route_key          = local.keys[each.key]
  authorization_type = contains(keys(var.api.tokens.scopes), local.keys[each.key]) ? "JWT" : "AWS_IAM"
  authorizer_id      = contains(keys(var.api.tokens.scopes), local.keys[each.key]) ? var.api.tokens.authorizer_id : null

  authorization_scopes = lookup(var.api.tokens.scopes, local.keys[each.key], null)

  target = "integrations/${aws_apigatewayv2_integration.cases.id}"
}

resource "aws_lambda_permission" "cases" {
  for_each = local.routes

  statement_id  = "ApiGateway-${replace(each.key, "/[^A-Za-z-]+/", "_")}"
  action        = "lambda:InvokeFunction"
  function_name = module.cases.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${var.api.execution_arn}/*/${replace(replace(each.key, " ", "/v1"), "{id}", "*")}"
}
