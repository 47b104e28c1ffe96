# What the release is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  approvals_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-release.fifo"
  code                = { bucket = "risk-dev-artifacts", key = "lambda/release/1/release.zip", hash = "hash", layers = [] }
  serving             = { instance_type = "ml.c5.large", instances = 1, most_instances = 1 }
  guard               = { canary_seconds = 600, bake_seconds = 300, poll_seconds = 30, most_latency_ms = 100, most_blocked_percent = 20, namespace = "Risk", topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-alarms" }
  prefix              = "risk-dev"
  shadow              = { code_uri = "s3://risk-dev-artifacts/training/code/1/code.tar.gz", image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1", instance_type = "ml.m5.xlarge", role_arn = "arn:aws:iam::111122223333:role/risk-dev-drift", loan_role_arn = "arn:aws:iam::111122223333:role/risk-dev-credit-shadow" }
  problems            = { credit = { served = false, model_role_arn = "arn:aws:iam::111122223333:role/risk-dev-credit-model", api_role_arn = "arn:aws:iam::111122223333:role/risk-dev-credit-api" }, fraud = { served = true, model_role_arn = "arn:aws:iam::111122223333:role/risk-dev-fraud-model" } }
}

run "knows_the_tables_of_documents_and_never_an_item" {
  assert {
    condition     = keys(aws_dynamodb_table.documents) == ["policies", "releases"]
    error_message = "Two owners write the documents that decide: each has a table, and no writes to the other's."
  }

  assert {
    condition     = alltrue([for table in values(aws_dynamodb_table.documents) : one(table.server_side_encryption).kms_key_arn == var.lake.kms_key_arn])
    error_message = "Documents are encrypted by the lake's key."
  }
}

run "tells_released_models_of_no_network_where_there_is_none" {
  command = plan

  assert {
    condition     = module.function.environment["NETWORK"] == "null"
    error_message = "A network is an option."
  }
}

run "runs_released_models_in_the_network_that_there_is" {
  command = plan

  variables {
    code = {
      bucket  = "risk-dev-artifacts"
      key     = "lambda/release/1/release.zip"
      hash    = "hash"
      layers  = []
      network = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    }
  }

  assert {
    condition     = module.function.environment["NETWORK"] == jsonencode({ SecurityGroupIds = ["sg-1"], Subnets = ["subnet-1", "subnet-2"] })
    error_message = "As CreateModel takes it."
  }
}

run "takes_one_approval_at_a_time_and_lets_it_wait" {
  assert {
    condition     = aws_lambda_event_source_mapping.approvals.batch_size == 1 && contains(aws_lambda_event_source_mapping.approvals.function_response_types, "ReportBatchItemFailures")
    error_message = "An approval that waits is no error of the function, and does not come with another."
  }
}

run "undoes_a_release_by_alarms_that_say_nothing_of_few_samples" {
  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.guard) : anytrue([for query in alarm.metric_query : try(strcontains(query.expression, ">= 30"), false)])])
    error_message = "One bad answer of three is no reason to roll back."
  }

  assert {
    condition     = toset(jsondecode(module.function.environment["GUARD"]).alarms) == toset([for alarm in values(aws_cloudwatch_metric_alarm.guard) : alarm.alarm_name])
    error_message = "SageMaker must look at every guard."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.abort.treat_missing_data == "ignore"
    error_message = "An abort must hold until SageMaker has seen it."
  }
}

run "compares_before_it_serves_and_looks_until_it_is_known_what_serves" {
  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Compare.Next == "Keep" && jsondecode(aws_sfn_state_machine.this.definition).States.Keep.Next == "Serve"
    error_message = "A candidate takes no traffic before it was compared."
  }

  assert {
    condition     = alltrue([for step in ["Prepare", "Serve", "Look"] : jsonencode(reverse(jsondecode(aws_sfn_state_machine.this.definition).States[step].Retry)[0].ErrorEquals) == jsonencode(["States.TaskFailed", "States.Timeout"])])
    error_message = "A step that is cut off between the endpoint and the document must be tried again."
  }

  assert {
    condition     = alltrue([for step in ["Prepare", "Serve"] : strcontains(jsonencode(jsondecode(aws_sfn_state_machine.this.definition).States[step].Retry), jsonencode({ ErrorEquals = ["Aborted", "ArchiveChanged", "EndpointBroken", "Unsigned"], MaxAttempts = 0 }))])
    error_message = "What a person must decide is not tried again."
  }

  assert {
    condition     = toset([for input in jsondecode(aws_sfn_state_machine.this.definition).States.Shadow.Parameters.ProcessingInputs : input.S3Input.LocalPath if startswith(input.InputName, "decisions")]) == toset(["/opt/ml/processing/input/decisions/newest", "/opt/ml/processing/input/decisions/before"])
    error_message = "Just after midnight the newest day has too few decisions."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.Stands.Default == "Wait"
    error_message = "A run ends when the endpoint has settled."
  }

  assert {
    condition     = !contains(keys(jsondecode(aws_sfn_state_machine.this.definition).States.Shadow.Parameters), "NetworkConfig")
    error_message = "Where there is no network, no job may ask for one."
  }
}

run "compares_a_candidate_of_credit_on_loans_as_a_role_of_its_own" {
  command = plan

  assert {
    condition     = toset([for choice in jsondecode(aws_sfn_state_machine.this.definition).States.MayServe.Choices : choice.Next]) == toset(["NotReleased", "Shadow", "ShadowLoans"]) && jsondecode(aws_sfn_state_machine.this.definition).States.ShadowLoans.Next == "Compare"
    error_message = "A candidate of credit serves neither batches nor the API before it was compared."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.this.definition).States.ShadowLoans.Parameters.RoleArn == var.shadow.loan_role_arn && contains(module.machine.permissions["PassRole"].resources, var.shadow.loan_role_arn)
    error_message = "The job reads what loans are decided by, and no payment."
  }

  assert {
    condition     = contains(module.function.permissions["Probe"].resources, "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/risk-dev-credit") && one(module.function.permissions["ReadPolicy"].actions) == "dynamodb:GetItem"
    error_message = "Its endpoint is asked for what the shadow has computed, and the policy is read and never written."
  }
}
