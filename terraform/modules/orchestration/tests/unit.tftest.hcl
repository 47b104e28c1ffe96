# What the state machines are made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  athena_workgroup   = { name = "risk-dev", arn = "arn:aws:athena:eu-west-1:111122223333:workgroup/risk-dev", predictions_database = "risk_dev_predictions" }
  code_uri           = "s3://risk-dev-artifacts/training/code/1/code.tar.gz"
  crawlers           = { decisions = "risk-dev-decisions", raw = "risk-dev-raw" }
  execution_role_arn = "arn:aws:iam::111122223333:role/risk-dev-sagemaker"
  image              = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
  instance_type      = "ml.m5.xlarge"
  namespace          = "Risk"
  prefix             = "risk-dev"
  seal_code          = { bucket = "risk-dev-artifacts", key = "lambda/seal/1/seal.zip", hash = "hash" }

  jobs = {
    raw_to_bronze    = "risk-dev-raw-to-bronze"
    bronze_to_silver = "risk-dev-bronze-to-silver"
    silver_to_gold   = "risk-dev-silver-to-gold"
    publish_features = "risk-dev-publish-features"
    check_parity     = "risk-dev-check-parity"
  }
}

run "waits_for_each_job_before_the_next" {
  assert {
    condition     = alltrue([for step in ["RawToBronze", "BronzeToSilver", "SilverToGold"] : endswith(jsondecode(aws_sfn_state_machine.this["nightly"].definition).States[step].Resource, ".sync")])
    error_message = "A layer is built when the one below is complete."
  }

  assert {
    condition     = keys(aws_scheduler_schedule.this) == ["drift", "nightly", "score-loans"]
    error_message = "Every machine runs by the clock."
  }
}

run "seals_the_log_after_the_parity_check_and_when_nothing_was_served" {
  command = plan

  assert {
    condition = alltrue([
      for states in [jsondecode(aws_sfn_state_machine.this["nightly"].definition).States.PublishAndCheck.Branches[1].States] :
      states.CompareDays.Next == "Seal" && states.CompareDays.ItemProcessor.States.AnyDecisions.Default == "NothingServed" && states.Seal.Parameters.Payload["day.$"] == "$.day"
    ])
    error_message = "Every day is sealed, when nothing more is expected to change it."
  }

  assert {
    condition     = [for s in data.aws_iam_policy_document.machines.statement : s.actions if s.sid == "Seal"] == [toset(["lambda:InvokeFunction"])]
    error_message = "The night may call the seal."
  }
}

run "compares_what_was_served_on_the_day_and_on_the_two_before" {
  command = plan

  assert {
    condition = alltrue([
      for machine in [jsondecode(aws_sfn_state_machine.this["nightly"].definition)] :
      strcontains(machine.States.Plan.Output, "'days': [2, 1, 0].$fromMillis($toMillis($plan.day & 'T00:00:00Z')") && machine.States.PublishAndCheck.Branches[1].States.CompareDays.ItemsPath == "$.days"
    ])
    error_message = "A payment that is logged later lies under an older day."
  }
}

run "acts_for_this_account_on_its_own_things_only" {
  command = plan

  assert {
    condition     = alltrue([for trust in data.aws_iam_policy_document.trust : one(one(trust.statement).condition).variable == "aws:SourceAccount"])
    error_message = "Another account must not borrow the roles."
  }

  assert {
    condition     = !anytrue([for s in data.aws_iam_policy_document.machines.statement : contains(s.resources, "*")])
    error_message = "Every permission names its resources."
  }

  assert {
    condition     = one([for s in data.aws_iam_policy_document.machines.statement : s.resources if contains(s.actions, "iam:PassRole")]) == toset([var.execution_role_arn])
    error_message = "Only the jobs' role is passed."
  }
}
