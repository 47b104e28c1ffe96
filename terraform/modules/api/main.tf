# The API door: an HTTP API checks who asks (IAM); the function checks what is asked.

resource "aws_apigatewayv2_api" "this" {
  name          = "${var.prefix}-decisions"
  description   = "Decides on payments while the payer waits"
  protocol_type = "HTTP"
}

locals {
  routes = ["GET /v1/openapi.json", "POST /v1/decisions", "POST /v1/labels", "POST /v1/lists", "POST /v1/loans/decide"]
  tokens = { for route, scope in try(var.tokens.scopes, {}) : route => [scope] }
}

# An HTTP API checks a token's signature by the issuer's keys, its issuer, audience, times and scope, before any function.
resource "aws_apigatewayv2_authorizer" "tokens" {
  count = var.tokens == null ? 0 : 1

  api_id           = aws_apigatewayv2_api.this.id
  name             = "${var.prefix}-tokens"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    audience = var.tokens.audience
    issuer   = var.tokens.issuer
  }
}

resource "aws_apigatewayv2_integration" "decide" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.decide.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 10000
}

resource "aws_apigatewayv2_route" "decisions" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "POST /v1/decisions"
  authorization_type = contains(keys(local.tokens), "POST /v1/decisions") ? "JWT" : "AWS_IAM"
  authorizer_id      = contains(keys(local.tokens), "POST /v1/decisions") ? one(aws_apigatewayv2_authorizer.tokens[*].id) : null

  authorization_scopes = lookup(local.tokens, "POST /v1/decisions", null)

  target = "integrations/${aws_apigatewayv2_integration.decide.id}"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  # Who asked, what came out and how long it took: never what was in the payment.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn

    format = jsonencode({
      at         = "$context.requestTime"
      caller     = "$context.identity.userArn"
      error      = "$context.error.message"
      latency_ms = "$context.responseLatency"
      request    = "$context.requestId"
      route      = "$context.routeKey"
      status     = "$context.status"
      subject    = "$context.authorizer.claims.sub" # who asked with a token
    })
  }

  default_route_settings {
    throttling_burst_limit = var.throttle.burst
    throttling_rate_limit  = var.throttle.requests_per_second
  }

  dynamic "route_settings" {
    for_each = var.throttle.routes

    content {
      route_key              = route_settings.key
      throttling_burst_limit = route_settings.value.burst
      throttling_rate_limit  = route_settings.value.requests_per_second
    }
  }

  # A stage knows limits of routes that there are.
  depends_on = [
    aws_apigatewayv2_route.decisions, aws_apigatewayv2_route.document, aws_apigatewayv2_route.labels,
    aws_apigatewayv2_route.lists, aws_apigatewayv2_route.loans,
  ]
}

# Under /aws/vendedlogs/, which spares the account's log resource policy: it has room for a few groups only.
resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/vendedlogs/apigateway/${var.prefix}-decisions"
  retention_in_days = 365
  kms_key_id        = var.lake.kms_key_arn
}

resource "aws_lambda_permission" "api" {
  statement_id  = "ApiGateway"
  action        = "lambda:InvokeFunction"
  function_name = module.decide.name
  qualifier     = module.decide.qualifier
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/POST/v1/decisions"
}

module "decide" {
  source = "../function"

  name            = "${var.prefix}-decide"
  description     = "API door: decides on one payment"
  handler         = "decide.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code["lambda/decide"]
  memory_mb       = 1769 # one full vCPU: the answer is CPU-bound after two network calls
  timeout_seconds = 10

  environment = merge(var.scoring.environment, {
    ANSWERS_TABLE = var.answers.table.name
    SIGNING_KEY   = var.answers.signing_key_arn
    TAILS_TABLE   = var.answers.tails.name
    STREAM_NAME   = var.streams.transactions.name
  })

  permissions = merge(var.scoring.permissions, {
    RememberAnswers = {
      actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
      resources = [var.answers.table.arn, var.answers.tails.arn]
    }
    HandOn = {
      actions   = ["kinesis:PutRecord"]
      resources = [var.streams.transactions.arn]
    }
    Sign = {
      actions   = ["kms:GenerateDataKey"]
      resources = [var.answers.signing_key_arn]
    }
    EncryptWhatIsHandedOn = {
      actions   = ["kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
  })
}
