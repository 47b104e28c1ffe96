# The lists door: entries of lists that rules look up, on the API of the decisions.

module "lists" {
  source = "../function"

  name            = "${var.prefix}-lists"
  description     = "Lists door: entries of lists that rules look up"
  handler         = "lists.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code["lambda/lists"]
  timeout_seconds = 10

  environment = {
    LISTS_TABLE      = var.scoring.environment["LISTS_TABLE"]
    METRIC_NAMESPACE = var.scoring.environment["METRIC_NAMESPACE"]
  }

  permissions = {
    ChangeLists = {
      actions   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query"]
      resources = [var.lists_table_arn]
    }
  }
}

resource "aws_apigatewayv2_integration" "lists" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.lists.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 10000
}

resource "aws_apigatewayv2_route" "lists" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "POST /v1/lists"
  authorization_type = contains(keys(local.tokens), "POST /v1/lists") ? "JWT" : "AWS_IAM"
  authorizer_id      = contains(keys(local.tokens), "POST /v1/lists") ? one(aws_apigatewayv2_authorizer.tokens[*].id) : null

  authorization_scopes = lookup(local.tokens, "POST /v1/lists", null)

  target = "integrations/${aws_apigatewayv2_integration.lists.id}"
}

resource "aws_lambda_permission" "lists" {
  statement_id  = "ApiGateway"
  action        = "lambda:InvokeFunction"
  function_name = module.lists.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/POST/v1/lists"
}
