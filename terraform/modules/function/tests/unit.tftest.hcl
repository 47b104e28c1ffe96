# What the function is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  code            = { bucket = "risk-dev-artifacts", key = "lambda/decide/1/decide.zip", hash = "hash", layers = [] }
  description     = "Decides"
  handler         = "decide.handler.handle"
  kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  name            = "risk-dev-decide"
  timeout_seconds = 5

  permissions = {
    Pass = {
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::111122223333:role/model"]
      only_if   = { "iam:PassedToService" = ["sagemaker.amazonaws.com"] }
    }
  }
}

run "runs_python_3_13_on_arm_from_the_packaged_zip" {
  assert {
    condition     = aws_lambda_function.this.runtime == "python3.13" && aws_lambda_function.this.architectures == tolist(["arm64"])
    error_message = "One runtime for every function."
  }

  assert {
    condition     = aws_lambda_function.this.s3_key == "lambda/decide/1/decide.zip" && aws_lambda_function.this.source_code_hash == "hash"
    error_message = "The function is what was packaged."
  }

  # A new account has little concurrency to reserve, and refuses.
  assert {
    condition     = coalesce(aws_lambda_function.this.reserved_concurrent_executions, -1) == -1
    error_message = "No concurrency is reserved."
  }
}

run "logs_encrypted_for_a_year_into_the_group_that_lambda_writes_to" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/risk-dev-decide" && aws_cloudwatch_log_group.this.retention_in_days == 365
    error_message = "A group of another name stays empty, and Lambda makes one that never expires."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
    error_message = "Logs are encrypted by the platform's key."
  }
}

run "may_do_what_it_was_given_and_log" {
  command = plan

  assert {
    condition     = toset(keys(module.role.permissions)) == toset(["Decrypt", "Log", "Pass", "Trace"])
    error_message = "The role holds the given permissions and logging."
  }
}

run "runs_in_a_network_where_there_is_one" {
  command = plan

  variables {
    code = {
      bucket             = "risk-dev-artifacts"
      key                = "lambda/decide/1/decide.zip"
      hash               = "hash"
      layers             = []
      concurrency        = 20
      log_retention_days = 30
      network            = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    }
  }

  assert {
    condition     = aws_lambda_function.this.vpc_config[0].subnet_ids == toset(["subnet-1"]) && contains(keys(module.role.permissions), "AttachToNetwork")
    error_message = "A function in a network attaches to its subnets, and may."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 20 && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Sizes are the environment's."
  }
}

run "lets_no_instance_wait_unless_it_is_asked_for" {
  command = plan

  assert {
    condition     = length(aws_lambda_alias.this) == 0 && length(aws_lambda_provisioned_concurrency_config.this) == 0 && output.qualifier == null
    error_message = "Instances that wait cost by the hour."
  }
}

run "lets_instances_wait_for_calls_of_the_alias" {
  variables {
    code = { bucket = "risk-dev-artifacts", key = "lambda/decide/1/decide.zip", hash = "hash", layers = [], provisioned = 3 }
  }

  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_alias.this[0].function_version == aws_lambda_function.this.version
    error_message = "Instances wait for a version's calls."
  }

  assert {
    condition     = aws_lambda_provisioned_concurrency_config.this[0].provisioned_concurrent_executions == 3 && aws_lambda_provisioned_concurrency_config.this[0].qualifier == output.qualifier
    error_message = "As many wait as were asked for, behind the alias."
  }

  assert {
    condition     = output.invoke_arn == aws_lambda_alias.this[0].invoke_arn
    error_message = "Calls reach the instances that wait."
  }
}
