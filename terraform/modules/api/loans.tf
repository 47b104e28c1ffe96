# The loans' door: one application, decided as a run's are, on the API of the decisions.

module "loans" {
  source = "../function"

  name            = "${var.prefix}-loans"
  description     = "Loans' door: decides on one application"
  handler         = "loans.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.code["lambda/loans"]
  memory_mb       = 1024
  timeout_seconds = 29

  environment = {
    CUSTOMER_GROUP   = var.scoring.environment["CUSTOMER_GROUP"]
    LAKE_BUCKET      = var.scoring.environment["LAKE_BUCKET"]
    LOAN_ENDPOINT    = var.loans.endpoint
    METRIC_NAMESPACE = var.scoring.environment["METRIC_NAMESPACE"]
    POLICIES_TABLE   = var.scoring.environment["POLICIES_TABLE"]
    RELEASES_TABLE   = var.scoring.environment["RELEASES_TABLE"]
  }

  permissions = {
    ReadRecord = {
      actions   = ["sagemaker:BatchGetRecord"]
      resources = [var.loans.customer_group_arn]
    }
    Score = {
      actions   = ["sagemaker:InvokeEndpoint"]
      resources = [var.loans.endpoint_arn]
    }
    ReadDocuments = {
      actions   = ["dynamodb:GetItem"]
      resources = var.loans.documents
    }
    ReadArchive = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/released/credit/*"]
    }
    # One answer for one loan, and its row.
    KeepAnswers = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/predictions/loan_answers/*", "${var.lake.arn}/predictions/loan_claims/*"]
    }
    ReadAnswers = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/predictions/loan_claims/*"]
    }
    EncryptAnswers = {
      actions   = ["kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
  }
}

resource "aws_apigatewayv2_integration" "loans" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.loans.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 29000
}

resource "aws_apigatewayv2_route" "loans" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "POST /v1/loans/decide"
  authorization_type = contains(keys(local.tokens), "POST /v1/loans/decide") ? "JWT" : "AWS_IAM"
  authorizer_id      = contains(keys(local.tokens), "POST /v1/loans/decide") ? one(aws_apigatewayv2_authorizer.tokens[*].id) : null

  authorization_scopes = lookup(local.tokens, "POST /v1/loans/decide", null)

  target = "integrations/${aws_apigatewayv2_integration.loans.id}"
}

resource "aws_lambda_permission" "loans" {
  statement_id  = "ApiGateway"
  action        = "lambda:InvokeFunction"
  function_name = module.loans.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/POST/v1/loans/decide"
}
