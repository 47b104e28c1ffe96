# What the stack refuses, and what it makes.

mock_provider "aws" {
  source = "../mocks"
}

# Two buckets are there before Terraform takes them in.
override_resource {
  target = aws_s3_bucket.this["state"]
  values = { arn = "arn:aws:s3:::risk-dev-state-111122223333" }
}

override_resource {
  target = aws_s3_bucket.this["logs"]
  values = { arn = "arn:aws:s3:::risk-dev-logs-111122223333" }
}

variables {
  account_ids = ["111122223333"]
  environment = "dev"
  region      = "eu-west-1"
}

run "makes_no_roles_where_nobody_delivers" {
  command = plan

  assert {
    condition     = length(output.ci_roles) == 0
    error_message = "Without a repository nobody gets a role."
  }
}

run "makes_a_role_for_each_job_of_the_delivery" {
  command = plan

  variables {
    budget = { dollars = 100, emails = ["owner@example.com"] }

    github = {
      subjects = {
        plan  = ["repo:owner/name:environment:dev-plan"]
        apply = ["repo:owner@1/name@2:environment:dev"]
        image = ["repo:owner/name:ref:refs/heads/main"]
      }
    }
  }

  assert {
    condition     = toset(keys(output.ci_roles)) == toset(["apply", "image", "plan"])
    error_message = "The workflows take one of three roles."
  }

  assert {
    condition     = alltrue([for d in data.aws_iam_policy_document.delivery_trust : length(one(d.statement).condition) == 2])
    error_message = "A role asks for audience and subject."
  }
}

run "refuses_a_subject_with_a_wildcard" {
  command = plan

  variables {
    github = { subjects = { plan = ["repo:owner/*:environment:dev"], apply = [], image = [] } }
  }

  expect_failures = [var.github]
}

run "refuses_a_budget_that_nobody_hears_of" {
  command = plan

  variables {
    budget = { dollars = 100, emails = [] }
  }

  expect_failures = [var.budget]
}

run "refuses_an_environment_that_names_cannot_hold" {
  command = plan

  variables {
    environment = "Production-EU"
  }

  expect_failures = [var.environment]
}

run "refuses_an_account_that_nobody_named" {
  command = plan

  variables {
    account_ids = []
  }

  expect_failures = [var.account_ids]
}

run "refuses_a_prefix_that_leaves_jobs_no_room_for_a_name" {
  command = plan

  variables {
    prefix = "creditandfraud"
  }

  expect_failures = [var.prefix]
}

run "refuses_a_boundary_that_is_no_policy" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::111122223333:role/admin"
  }

  expect_failures = [var.boundary_arn]
}

run "bounds_who_delivers_and_whom_they_make" {
  command = plan

  variables {
    boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    github = {
      subjects = {
        plan  = ["repo:owner/name:environment:dev-plan"]
        apply = ["repo:owner/name:environment:dev"]
        image = ["repo:owner/name:ref:refs/heads/main"]
      }
    }
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.delivery : role.permissions_boundary == var.boundary_arn])
    error_message = "Whoever delivers stays within the boundary."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.delivery["apply"].statement :
      one(statement.condition).variable == "iam:PermissionsBoundary" && one(one(statement.condition).values) == var.boundary_arn
      if length(setintersection(statement.actions == null ? toset([]) : statement.actions, ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"])) > 0
    ])
    error_message = "No role is made, and none gets a policy, without the boundary."
  }

  assert {
    condition     = !anytrue(flatten([for statement in data.aws_iam_policy_document.delivery["apply"].statement : [for action in(statement.actions == null ? toset([]) : statement.actions) : action == "iam:DeleteRolePermissionsBoundary" || action == "iam:*"]]))
    error_message = "The boundary is taken from no role."
  }
}
