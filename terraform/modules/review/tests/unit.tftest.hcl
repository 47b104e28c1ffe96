# What cases are worked on with.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  api       = { id = "api", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:api" }
  namespace = "Risk/dev"
  prefix    = "risk-dev"
  queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-reviews"

  answers_table  = { name = "risk-dev-answers", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers" }
  counter_stream = { name = "risk-dev-merchants", arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants" }

  cases = {
    table             = { name = "risk-dev-cases", arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-cases" }
    answers_topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-case-decisions"
  }

  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  code = {
    "lambda/cases"  = { bucket = "risk-dev-artifacts", key = "lambda/cases/1/cases.zip", hash = "hash", layers = [] }
    "lambda/intake" = { bucket = "risk-dev-artifacts", key = "lambda/intake/1/intake.zip", hash = "hash", layers = [] }
  }
}

run "asks_who_calls_at_each_route_and_lets_the_api_call_no_other" {
  assert {
    condition     = alltrue([for route in aws_apigatewayv2_route.cases : route.authorization_type == "AWS_IAM"])
    error_message = "Cases are for signed requests."
  }

  assert {
    condition     = contains([for permission in aws_lambda_permission.cases : permission.source_arn], "arn:aws:execute-api:eu-west-1:111122223333:api/*/POST/v1/cases/*/decide")
    error_message = "The API may call the function by its routes."
  }

  assert {
    condition     = alltrue([for permission in aws_lambda_permission.cases : !endswith(permission.source_arn, "/*/*")])
    error_message = "And by no other."
  }
}

run "writes_labels_and_nothing_else_of_the_lake" {
  command = plan

  assert {
    condition     = alltrue([for permissions in [module.cases.permissions, module.intake.permissions] : flatten([for p in permissions : p.resources if contains(p.actions, "s3:PutObject")]) == ["arn:aws:s3:::risk-dev-lake-111122223333/raw/fraud_labels/*"]])
    error_message = "Labels go to their place in RAW."
  }
}

run "tells_rules_of_frauds_and_writes_no_answer" {
  command = plan

  assert {
    condition     = alltrue([for permissions in [module.cases.permissions, module.intake.permissions] : flatten([for p in permissions : p.resources if contains(p.actions, "kinesis:PutRecords")]) == ["arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-merchants"]])
    error_message = "Frauds are told to the merchants' stream, by the door and by whoever finishes a case later."
  }

  assert {
    condition     = alltrue([for permissions in [module.cases.permissions, module.intake.permissions] : flatten([for p in permissions : p.actions if contains(p.resources, "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers")]) == ["dynamodb:BatchGetItem"]])
    error_message = "What was answered is looked up, and never written."
  }
}

run "gives_up_no_message_for_anothers_sake" {
  assert {
    condition     = aws_lambda_event_source_mapping.reviews.event_source_arn == var.queue_arn && contains(aws_lambda_event_source_mapping.reviews.function_response_types, "ReportBatchItemFailures")
    error_message = "A message that is no payment holds up no other."
  }
}

run "looks_at_cases_only_where_it_is_asked_to" {
  command = plan

  variables {
    service = { lock_minutes = 30, hours = 24, watched = false }
  }

  assert {
    condition     = aws_scheduler_schedule.watch.state == "DISABLED"
    error_message = "Schedules can be turned off."
  }
}

run "takes_tokens_at_routes_that_name_their_scope" {
  variables {
    api = { id = "api", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:api", tokens = { authorizer_id = "tokens", scopes = { "GET /v1/decisions" = ["answers"] } } }
  }

  assert {
    condition     = aws_apigatewayv2_route.cases["GET /decisions"].authorization_type == "JWT" && aws_apigatewayv2_route.cases["GET /decisions"].authorizer_id == "tokens" && tolist(aws_apigatewayv2_route.cases["GET /decisions"].authorization_scopes) == tolist(["answers"])
    error_message = "A payer who waits may bear a token."
  }

  assert {
    condition     = aws_apigatewayv2_route.cases["POST /cases/next"].authorization_type == "AWS_IAM"
    error_message = "Reviewers sign."
  }
}
