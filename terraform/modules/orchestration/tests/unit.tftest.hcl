# What the state machines are made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  processing = {
    code_uri      = "s3://risk-dev-artifacts/training/code/1/code.tar.gz"
    image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
    instance_type = "ml.m5.xlarge"
    roles         = { credit-watch = "arn:aws:iam::111122223333:role/risk-dev-credit-watch", decide-loans = "arn:aws:iam::111122223333:role/risk-dev-decide-loans", drift = "arn:aws:iam::111122223333:role/risk-dev-drift", fraud-watch = "arn:aws:iam::111122223333:role/risk-dev-fraud-watch", score-set = "arn:aws:iam::111122223333:role/risk-dev-score-set" }
  }

  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  athena_workgroup = { name = "risk-dev", arn = "arn:aws:athena:eu-west-1:111122223333:workgroup/risk-dev", predictions_database = "risk_dev_predictions" }
  crawlers         = { decisions = "risk-dev-decisions", raw = "risk-dev-raw" }
  namespace        = "Risk"
  prefix           = "risk-dev"
  seal             = { code = { bucket = "risk-dev-artifacts", key = "lambda/seal/1/seal.zip", hash = "hash", layers = [] } }

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
    condition     = keys(aws_scheduler_schedule.this) == ["drift", "nightly", "score-loans", "score-loans-daily"]
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
    condition     = module.role["nightly"].permissions["Seal"].actions == tolist(["lambda:InvokeFunction"])
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

run "watches_loans_behind_their_decisions_and_without_any" {
  command = plan

  assert {
    condition = alltrue([
      for states in [jsondecode(aws_sfn_state_machine.this["score-loans"].definition).States] :
      states.MakeDecisionsKnown.Next == "Compare" && states.PolicyPublished.Default == "Compare" && states.Decided.Default == "NotDecided"
    ])
    error_message = "A report that fails costs no decision, and scores that nothing decides on are compared, too."
  }
}

run "lets_each_machine_do_what_its_own_steps_do" {
  command = plan

  assert {
    condition     = module.role["drift"].permissions["PassRole"].resources == tolist([var.processing.roles.drift, var.processing.roles.fraud-watch]) && module.role["score-loans"].permissions["PassRole"].resources == tolist([var.processing.roles.credit-watch, var.processing.roles.decide-loans, var.processing.roles.score-set])
    error_message = "A machine passes the role of its own jobs."
  }

  assert {
    condition     = !contains(keys(module.role["nightly"].permissions), "PassRole") && !contains(keys(module.role["score-loans"].permissions), "RunGlue")
    error_message = "No machine may do another's work."
  }
}

run "gives_every_task_a_time_limit_and_tries_again_what_passes" {
  command = plan

  assert {
    condition = alltrue([
      for machine in aws_sfn_state_machine.this : alltrue([
        for state in concat(values(jsondecode(machine.definition).States)) : try(state.TimeoutSeconds > 0 && length(state.Retry) > 0, false) if state.Type == "Task"
      ]) && jsondecode(machine.definition).TimeoutSeconds > 0
    ])
    error_message = "A task that hangs or is throttled once must not cost the night."
  }
}

run "says_nothing_of_a_network_where_there_is_none" {
  command = plan

  assert {
    condition     = alltrue([for machine in aws_sfn_state_machine.this : !can(regex("NetworkConfig|VpcConfig", machine.definition))])
    error_message = "A network is an option."
  }
}

run "runs_every_job_in_the_network_that_there_is" {
  command = plan

  variables {
    processing = {
      code_uri      = "s3://risk-dev-artifacts/training/code/1/code.tar.gz"
      image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
      instance_type = "ml.m5.xlarge"
      network       = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
      roles         = { credit-watch = "arn:aws:iam::111122223333:role/risk-dev-credit-watch", decide-loans = "arn:aws:iam::111122223333:role/risk-dev-decide-loans", drift = "arn:aws:iam::111122223333:role/risk-dev-drift", fraud-watch = "arn:aws:iam::111122223333:role/risk-dev-fraud-watch", score-set = "arn:aws:iam::111122223333:role/risk-dev-score-set" }
    }
  }

  assert {
    condition = [
      for job in [jsondecode(aws_sfn_state_machine.this["drift"].definition).States.Compare, jsondecode(aws_sfn_state_machine.this["score-loans"].definition).States.ScoreSet] :
      jsonencode(job.Parameters.NetworkConfig)
    ] == [for job in ["drift", "score-set"] : jsonencode({ VpcConfig = { SecurityGroupIds = ["sg-1"], Subnets = ["subnet-1", "subnet-2"] } })]
    error_message = "Both name every subnet. A batch transform runs where its model does."
  }

  assert {
    condition = alltrue([
      for machine in aws_sfn_state_machine.this :
      length(regexall("createProcessingJob", machine.definition)) == length(regexall("NetworkConfig", machine.definition)) && !can(regex("createTrainingJob|createModel[^P]", machine.definition))
    ])
    error_message = "No machine begins a job that says nothing of the network."
  }
}

run "ends_well_where_there_is_nothing_to_do" {
  command = plan

  assert {
    condition     = alltrue([for name in ["drift", "score-loans"] : jsondecode(aws_sfn_state_machine.this[name].definition).States.NothingReleased.Type == "Succeed"])
    error_message = "Before the first approval nothing fails."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this["drift"].definition).States.AnyDecisions.Default == "NothingServed"
    error_message = "Nor on a day without decisions."
  }
}

run "logs_what_failed_and_never_what_it_was_given" {
  command = plan

  assert {
    condition     = alltrue([for machine in aws_sfn_state_machine.this : machine.logging_configuration[0].level == "ERROR" && !machine.logging_configuration[0].include_execution_data])
    error_message = "Inputs may name customers."
  }
}
