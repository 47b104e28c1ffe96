# Which roles there are, and what they are kept from.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  api_execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:api1234567"
  catalog           = { database_prefix = "risk_dev", workgroup_arn = "arn:aws:athena:eu-west-1:111122223333:workgroup/risk-dev" }
  lake              = { arn = "arn:aws:s3:::risk-dev-lake", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000" }
  prefix            = "risk-dev"
  state             = { arn = "arn:aws:s3:::risk-dev-state", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111" }
  stream            = { arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/risk-dev-transactions", failed_queue_arns = ["arn:aws:sqs:eu-west-1:111122223333:risk-dev-stream-failed"] }

  operated = {
    abort_alarm    = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:risk-dev-guard-abort"
    documents      = { lists = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-lists", policies = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-policies", releases = "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-releases" }
    endpoint       = "risk-dev-fraud"
    problems       = ["credit", "fraud"]
    state_machines = { nightly = "arn:aws:states:eu-west-1:111122223333:stateMachine:risk-dev-nightly" }
  }

  people = {
    analyst  = ["arn:aws:iam::111122223333:role/analysts"]
    approver = ["arn:aws:iam::111122223333:user/ann"]
    operator = []
    uploader = ["arn:aws:iam::111122223333:role/bank"]
  }
}

run "a_role_that_nobody_is_named_for_is_not_made" {
  command = plan

  assert {
    condition     = toset(keys(module.role)) == toset(["analyst", "approver", "uploader"])
    error_message = "A role without principals is a door without a key, or worse."
  }
}

run "an_uploader_writes_raw_and_reads_nothing" {
  command = plan

  assert {
    condition     = flatten([for p in output.permissions["uploader"] : [for r in p.resources : r if startswith(r, "arn:aws:s3:")]]) == ["arn:aws:s3:::risk-dev-lake/raw/*"]
    error_message = "RAW only."
  }

  assert {
    condition     = !contains(flatten([for p in output.permissions["uploader"] : p.actions]), "s3:GetObject")
    error_message = "Whoever brings files does not read those of others."
  }
}

run "an_analyst_reads_neither_raw_nor_bronze" {
  command = plan

  assert {
    condition     = alltrue([for r in flatten([for p in output.permissions["analyst"] : p.resources]) : !can(regex("raw|bronze", r))])
    error_message = "Payments as they came are nobody's to look at."
  }
}

run "an_approver_approves_reads_dossiers_and_nothing_else" {
  command = plan

  assert {
    condition = toset(flatten([for p in output.permissions["approver"] : p.actions])) == toset([
      "dynamodb:GetItem", "kms:Decrypt", "kms:DescribeKey", "s3:GetObject", "s3:ListBucket", "sagemaker:DescribeEndpoint",
      "sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages", "sagemaker:UpdateModelPackage", "states:DescribeExecution",
    ])
    error_message = "Who approves a model trains none, and changes no data."
  }

  assert {
    condition = alltrue([
      for p in output.permissions["approver"] : alltrue([
        for r in p.resources : endswith(r, "/evaluation/*") || endswith(r, ".tfstate")
      ]) if contains(p.actions, "s3:GetObject")
    ])
    error_message = "Of the lake an approver reads evaluations, which hold nobody's data."
  }
}

run "a_watcher_aborts_a_release_and_does_nothing_else" {
  command = plan

  variables {
    people = { watcher = ["arn:aws:iam::111122223333:role/on-call"] }
  }

  assert {
    condition     = output.permissions["watcher"].Abort.resources == tolist(["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:risk-dev-guard-abort"])
    error_message = "Of all alarms it sets the one that undoes a release."
  }

  assert {
    condition     = toset([for action in flatten([for p in output.permissions["watcher"] : p.actions]) : action if !anytrue([for verb in ["Get", "Describe", "List", "Decrypt"] : strcontains(action, verb)])]) == toset(["cloudwatch:SetAlarmState"])
    error_message = "Whoever watches changes nothing else."
  }
}

run "the_console_takes_the_roles_that_it_was_given_and_reads_for_everybody" {
  command = plan

  variables {
    signed_in = { console = "arn:aws:iam::111122223333:role/risk-dev-console", takes = { policy-owner = "owners", reviewer = "reviewers" } }
  }

  assert {
    condition     = toset(keys(module.role)) == toset(["analyst", "approver", "policy-owner", "reviewer", "uploader"])
    error_message = "A role that the console takes is there, though nobody else is named for it."
  }

  assert {
    condition     = toset(keys(output.permissions["policy-owner"])) == toset(["ChangeLists", "ChangePolicy", "FindPolicies", "KeepLists", "KeepPolicies", "SeeReleases", "UseKey"])
    error_message = "Whoever owns the policy changes it and the lists, starts nothing and replays nothing."
  }

  assert {
    condition     = alltrue([for r in flatten([for p in output.looked_at : p.resources]) : !can(regex("/(raw|bronze)/", r))]) && !contains(flatten([for p in output.looked_at : p.actions]), "dynamodb:PutItem")
    error_message = "Pages show no payment as it came, and change nothing."
  }
}
