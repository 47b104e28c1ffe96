# What the API is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  scoring = {
    environment = { METRIC_NAMESPACE = "Risk/dev", ENDPOINT_NAME = "risk-dev-fraud", LISTS_TABLE = "risk-dev-lists", CUSTOMER_GROUP = "risk-dev-customer", LAKE_BUCKET = "risk-dev-lake-111122223333", POLICIES_TABLE = "risk-dev-policies", RELEASES_TABLE = "risk-dev-releases" }
    permissions = { Score = { actions = ["sagemaker:InvokeEndpoint"], resources = ["arn:aws:sagemaker:eu-west-1:111122223333:endpoint/risk-dev-fraud"] } }
  }

  answers = {
    table           = { name = "risk-dev-answers", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers" }
    tails           = { name = "risk-dev-tails", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-tails" }
    signing_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111"
  }
  lists_table_arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-lists"
  loans           = { endpoint = "risk-dev-credit", endpoint_arn = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/risk-dev-credit", customer_group_arn = "arn:aws:sagemaker:eu-west-1:111122223333:feature-group/risk-dev-customer", documents = [for owner in ["policies", "releases"] : "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-${owner}"] }
  prefix          = "risk-dev"
  streams         = { for name in ["merchants", "transactions"] : name => { name = "risk-dev-${name}", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-${name}" } }

  code = {
    "lambda/decide"   = { bucket = "risk-dev-artifacts", key = "lambda/decide/1/decide.zip", hash = "hash", layers = [] }
    "lambda/document" = { bucket = "risk-dev-artifacts", key = "lambda/document/1/document.zip", hash = "hash", layers = [] }
    "lambda/labels"   = { bucket = "risk-dev-artifacts", key = "lambda/labels/1/labels.zip", hash = "hash", layers = [] }
    "lambda/lists"    = { bucket = "risk-dev-artifacts", key = "lambda/lists/1/lists.zip", hash = "hash", layers = [] }
    "lambda/loans"    = { bucket = "risk-dev-artifacts", key = "lambda/loans/1/loans.zip", hash = "hash", layers = [] }
  }
}

run "asks_who_calls_and_logs_no_payment" {
  assert {
    condition     = aws_apigatewayv2_route.decisions.authorization_type == "AWS_IAM" && aws_apigatewayv2_route.decisions.route_key == "POST /v1/decisions"
    error_message = "The API door is for signed requests."
  }

  assert {
    condition     = aws_apigatewayv2_route.labels.authorization_type == "AWS_IAM" && aws_apigatewayv2_route.labels.route_key == "POST /v1/labels"
    error_message = "So is the labels door."
  }

  assert {
    condition     = endswith(aws_lambda_permission.labels.source_arn, "/*/POST/v1/labels")
    error_message = "The API may call the labels door by its own route only."
  }

  assert {
    condition     = aws_apigatewayv2_route.lists.authorization_type == "AWS_IAM" && endswith(aws_lambda_permission.lists.source_arn, "/*/POST/v1/lists")
    error_message = "And the lists door, by its own route."
  }

  assert {
    condition     = aws_apigatewayv2_route.loans.authorization_type == "AWS_IAM" && endswith(aws_lambda_permission.loans.source_arn, "/*/POST/v1/loans/decide")
    error_message = "And the loans' door, by its own route."
  }

  assert {
    condition     = module.loans.permissions["KeepAnswers"].resources == tolist(["arn:aws:s3:::risk-dev-lake-111122223333/predictions/loan_answers/*", "arn:aws:s3:::risk-dev-lake-111122223333/predictions/loan_claims/*"]) && module.loans.permissions["ReadAnswers"].resources == tolist(["arn:aws:s3:::risk-dev-lake-111122223333/predictions/loan_claims/*"]) && module.loans.permissions["ReadArchive"].resources == tolist(["arn:aws:s3:::risk-dev-lake-111122223333/released/credit/*"])
    error_message = "The loans' door reads released archives of credit and what it has answered, and writes its own answers."
  }

  assert {
    condition     = !strcontains(aws_apigatewayv2_stage.default.access_log_settings[0].format, "body")
    error_message = "Access logs hold no payment."
  }
}

run "reads_nothing_of_the_lake_to_decide" {
  command = plan

  assert {
    condition     = !anytrue(flatten([for p in module.decide.permissions : [for a in p.actions : startswith(a, "s3:")]]))
    error_message = "The API door knows records and answers, never files."
  }

  assert {
    condition     = flatten([for p in module.labels.permissions : p.resources if contains(p.actions, "s3:PutObject")]) == ["arn:aws:s3:::risk-dev-lake-111122223333/raw/fraud_labels/*"]
    error_message = "Labels go to their place in RAW and nowhere else."
  }

  assert {
    condition     = flatten([for p in module.labels.permissions : p.resources if length([for action in p.actions : action if startswith(action, "dynamodb:")]) > 0]) == ["arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers"] && module.labels.permissions["LookUpFrauds"].actions == tolist(["dynamodb:BatchGetItem"])
    error_message = "The labels door looks up what was answered, and writes no answer."
  }

  assert {
    condition     = flatten([for p in module.labels.permissions : p.resources if length([for action in p.actions : action if startswith(action, "kinesis:")]) > 0]) == ["arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants"] && module.labels.permissions["TellMerchants"].actions == tolist(["kinesis:PutRecords"])
    error_message = "It tells the merchants' stream of frauds, and puts no payment on the stream of the payments."
  }
}

run "lets_the_api_call_the_instances_that_wait" {
  variables {
    code = {
      "lambda/decide"   = { bucket = "risk-dev-artifacts", key = "lambda/decide/1/decide.zip", hash = "hash", layers = [], provisioned = 2 }
      "lambda/document" = { bucket = "risk-dev-artifacts", key = "lambda/document/1/document.zip", hash = "hash", layers = [] }
      "lambda/labels"   = { bucket = "risk-dev-artifacts", key = "lambda/labels/1/labels.zip", hash = "hash", layers = [] }
      "lambda/lists"    = { bucket = "risk-dev-artifacts", key = "lambda/lists/1/lists.zip", hash = "hash", layers = [] }
      "lambda/loans"    = { bucket = "risk-dev-artifacts", key = "lambda/loans/1/loans.zip", hash = "hash", layers = [] }
    }
  }

  assert {
    condition     = aws_lambda_permission.api.qualifier == module.decide.qualifier && module.decide.qualifier != null
    error_message = "The API may call the alias."
  }

  assert {
    condition     = module.labels.qualifier == null
    error_message = "No instance waits for labels."
  }
}

run "takes_no_token_unless_it_is_told_whose" {
  command = plan

  assert {
    condition     = length(aws_apigatewayv2_authorizer.tokens) == 0 && alltrue([for route in [aws_apigatewayv2_route.decisions, aws_apigatewayv2_route.document, aws_apigatewayv2_route.labels, aws_apigatewayv2_route.lists] : route.authorization_type == "AWS_IAM"])
    error_message = "Every route is for signed requests."
  }
}

run "takes_tokens_with_their_scope_where_it_is_told_and_signatures_elsewhere" {
  variables {
    tokens = { issuer = "https://tokens.bank.example/pool", audience = ["decisions"], scopes = { "POST /v1/decisions" = "decide", "GET /v1/cases" = "review" } }
  }

  assert {
    condition     = aws_apigatewayv2_route.decisions.authorization_type == "JWT" && tolist(aws_apigatewayv2_route.decisions.authorization_scopes) == tolist(["decide"]) && aws_apigatewayv2_route.decisions.authorizer_id == aws_apigatewayv2_authorizer.tokens[0].id
    error_message = "A token must have the route's scope."
  }

  assert {
    condition     = aws_apigatewayv2_route.labels.authorization_type == "AWS_IAM" && aws_apigatewayv2_route.labels.authorizer_id == null
    error_message = "What is not named stays IAM's."
  }

  assert {
    condition     = aws_apigatewayv2_authorizer.tokens[0].jwt_configuration[0].issuer == "https://tokens.bank.example/pool" && tolist(aws_apigatewayv2_authorizer.tokens[0].jwt_configuration[0].audience) == tolist(["decisions"])
    error_message = "Tokens are this issuer's, for this audience."
  }

  assert {
    condition     = output.tokens.scopes["GET /v1/cases"] == ["review"]
    error_message = "Routes that join the API learn their scopes."
  }
}

run "keeps_the_limits_of_routes_of_their_own" {
  command = plan

  variables {
    throttle = { requests_per_second = 500, burst = 400, routes = { "POST /v1/labels" = { requests_per_second = 5, burst = 6 } } }
  }

  assert {
    condition     = [for limit in aws_apigatewayv2_stage.default.route_settings : [limit.route_key, limit.throttling_rate_limit, limit.throttling_burst_limit]] == [["POST /v1/labels", 5, 6]]
    error_message = "Labels cannot take what decisions need."
  }

  assert {
    condition     = aws_apigatewayv2_stage.default.default_route_settings[0].throttling_burst_limit == 400
    error_message = "The others share the API's."
  }
}
