# The labels door: reviewers' outcomes and chargebacks into RAW, on the API of the decisions. Rules hear of frauds at once.

module "labels" {
  source = "../function"

  name            = "${var.prefix}-labels"
  description     = "Labels door: what reviewers and chargebacks say of payments, into RAW and to rules"
  handler         = "labels.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code["lambda/labels"]
  timeout_seconds = 15

  environment = {
    ANSWERS_TABLE    = var.answers.table.name
    LAKE_BUCKET      = var.lake.name
    MERCHANT_STREAM  = var.streams.merchants.name
    METRIC_NAMESPACE = var.scoring.environment["METRIC_NAMESPACE"]
  }

  permissions = {
    WriteLabels = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/raw/fraud_labels/*"]
    }
    LookUpFrauds = {
      actions   = ["dynamodb:BatchGetItem"]
      resources = [var.answers.table.arn]
    }
    TellMerchants = {
      actions   = ["kinesis:PutRecords"]
      resources = [var.streams.merchants.arn]
    }
    Encrypt = {
      actions   = ["kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
  }
}

resource "aws_apigatewayv2_integration" "labels" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.labels.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 15000
}

resource "aws_apigatewayv2_route" "labels" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "POST /v1/labels"
  authorization_type = contains(keys(local.tokens), "POST /v1/labels") ? "JWT" : "AWS_IAM"
  authorizer_id      = contains(keys(local.tokens), "POST /v1/labels") ? one(aws_apigatewayv2_authorizer.tokens[*].id) : null

  authorization_scopes = lookup(local.tokens, "POST /v1/labels", null)

  target = "integrations/${aws_apigatewayv2_integration.labels.id}"
}

resource "aws_lambda_permission" "labels" {
  statement_id  = "ApiGateway"
  action        = "lambda:InvokeFunction"
  function_name = module.labels.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/POST/v1/labels"
}
