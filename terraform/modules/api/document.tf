# The document door: what the API takes and answers, for whoever may ask any of it.

module "document" {
  source = "../function"

  name            = "${var.prefix}-document"
  description     = "Document door: what the API takes and answers, as OpenAPI says it"
  handler         = "document.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code["lambda/document"]
  timeout_seconds = 10

  environment = {
    DOCUMENT = "openapi.json"
  }
}

resource "aws_apigatewayv2_integration" "document" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.document.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 10000
}

resource "aws_apigatewayv2_route" "document" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /v1/openapi.json"
  authorization_type = contains(keys(local.tokens), "GET /v1/openapi.json") ? "JWT" : "AWS_IAM"
  authorizer_id      = contains(keys(local.tokens), "GET /v1/openapi.json") ? one(aws_apigatewayv2_authorizer.tokens[*].id) : null

  authorization_scopes = lookup(local.tokens, "GET /v1/openapi.json", null)

  target = "integrations/${aws_apigatewayv2_integration.document.id}"
}

resource "aws_lambda_permission" "document" {
  statement_id  = "ApiGateway"
  action        = "lambda:InvokeFunction"
  function_name = module.document.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/GET/v1/openapi.json"
}
