# What the role is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  description = "The function that decides"
  name        = "risk-dev-decide"
  service     = "lambda"

  permissions = {
    Pass = {
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::111122223333:role/model"]
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
  }
}

run "is_taken_by_its_service_for_this_account_only" {
  assert {
    condition     = one(one(data.aws_iam_policy_document.trust.statement).principals).identifiers == toset(["lambda.amazonaws.com"])
    error_message = "One service takes the role."
  }

  assert {
    condition     = one(one(data.aws_iam_policy_document.trust.statement).condition).variable == "aws:SourceAccount" && one(one(data.aws_iam_policy_document.trust.statement).condition).values == tolist(["111122223333"])
    error_message = "Another account must not borrow the role."
  }
}

run "is_taken_by_cloudtrail_without_a_condition_for_aws_names_none" {
  command = plan

  variables {
    service = "cloudtrail"
  }

  assert {
    condition     = length(one(data.aws_iam_policy_document.trust.statement).condition) == 0 && one(one(data.aws_iam_policy_document.trust.statement).principals).identifiers == toset(["cloudtrail.amazonaws.com"])
    error_message = "A trail whose role cannot be taken is not made."
  }
}

run "may_do_what_it_was_given_under_its_condition" {
  command = plan

  assert {
    condition     = one(data.aws_iam_policy_document.this.statement).actions == toset(["iam:PassRole"]) && one(one(data.aws_iam_policy_document.this.statement).condition).variable == "iam:PassedToService"
    error_message = "A permission keeps its actions and its condition."
  }
}

run "stays_within_a_boundary" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "An account that bounds its roles bounds this one."
  }
}

run "is_taken_by_the_console_for_whom_a_single_sign_on_has_asked" {
  command = plan

  variables {
    service = null
    people  = { principals = [], console = { role = "arn:aws:iam::111122223333:role/risk-dev-console", group = "reviewers" } }
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.trust.statement : one(statement.principals).identifiers == toset(["arn:aws:iam::111122223333:role/risk-dev-console"])])
    error_message = "Nobody else takes it."
  }

  assert {
    condition = { for c in data.aws_iam_policy_document.trust.statement[0].condition : c.variable => one(c.values) } == {
      "aws:RequestTag/group" = "reviewers"
      "sts:RoleSessionName"  = "$${sts:SourceIdentity}"
      "sts:SourceIdentity"   = "?*"
    }
    error_message = "It is taken by one group, under one name that stays."
  }

  assert {
    condition     = { for statement in data.aws_iam_policy_document.trust.statement : statement.sid => one(statement.actions) } == { Console = "sts:AssumeRole", ConsoleNames = "sts:SetSourceIdentity", ConsoleTells = "sts:TagSession" }
    error_message = "AWS asks for a right of its own to name a session, and to tag it."
  }
}

run "asks_the_others_for_a_second_factor_beside_the_console" {
  command = plan

  variables {
    service = null
    people  = { principals = ["arn:aws:iam::111122223333:user/ann"], console = { role = "arn:aws:iam::111122223333:role/risk-dev-console", group = "reviewers" } }
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.trust.statement : length(statement.condition)] == [3, 0, 2, 1]
    error_message = "The console's statement stands apart from that of people, who show a second factor."
  }
}

run "is_taken_by_people_who_have_shown_a_second_factor" {
  command = plan

  variables {
    people  = { principals = ["arn:aws:iam::111122223333:user/ann"] }
    service = null
  }

  assert {
    condition     = one(one(data.aws_iam_policy_document.trust.statement).principals).type == "AWS" && one(one(data.aws_iam_policy_document.trust.statement).principals).identifiers == toset(["arn:aws:iam::111122223333:user/ann"])
    error_message = "Whoever is named takes the role."
  }

  assert {
    condition     = one(one(data.aws_iam_policy_document.trust.statement).condition).variable == "aws:MultiFactorAuthPresent"
    error_message = "A stolen password alone must not be enough."
  }
}
