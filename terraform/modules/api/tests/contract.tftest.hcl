# What the module promises its callers.

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

run "tells_its_functions" {
  command = plan

  assert {
    condition     = output.functions == { decide = "risk-dev-decide", document = "risk-dev-document", labels = "risk-dev-labels", lists = "risk-dev-lists", loans = "risk-dev-loans" }
    error_message = "Alarms find functions by short name."
  }
}

run "refuses_doors_that_know_no_lists" {
  command = plan

  variables {
    scoring = {
      environment = { METRIC_NAMESPACE = "Risk/dev" }
      permissions = {}
    }
  }

  expect_failures = [var.scoring]
}

run "refuses_a_limit_of_a_route_that_it_has_not" {
  command = plan

  variables {
    throttle = { requests_per_second = 500, burst = 500, routes = { "POST /v1/cases/next" = { requests_per_second = 5, burst = 5 } } }
  }

  expect_failures = [var.throttle]
}

run "refuses_a_limit_of_a_route_above_the_apis_own" {
  command = plan

  variables {
    throttle = { requests_per_second = 500, burst = 500, routes = { "POST /v1/labels" = { requests_per_second = 501, burst = 5 } } }
  }

  expect_failures = [var.throttle]
}

run "refuses_an_issuer_of_tokens_without_https" {
  command = plan

  variables {
    tokens = { issuer = "http://tokens.bank.example", audience = ["decisions"], scopes = { "POST /v1/decisions" = "decide" } }
  }

  expect_failures = [var.tokens]
}

run "refuses_tokens_that_are_for_nobody" {
  command = plan

  variables {
    tokens = { issuer = "https://tokens.bank.example", audience = [], scopes = { "POST /v1/decisions" = "decide" } }
  }

  expect_failures = [var.tokens]
}

run "refuses_tokens_without_a_scope" {
  command = plan

  variables {
    tokens = { issuer = "https://tokens.bank.example", audience = ["decisions"], scopes = { "POST /v1/decisions" = "" } }
  }

  expect_failures = [var.tokens]
}
