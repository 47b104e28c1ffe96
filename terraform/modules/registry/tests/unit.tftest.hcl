# What the registry is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  prefix      = "risk-dev"
  problems    = ["credit", "fraud"]
}

run "has_a_group_of_versions_for_each_problem" {
  command = plan

  assert {
    condition     = aws_sagemaker_model_package_group.this["fraud"].model_package_group_name == "risk-dev-fraud" && output.problems == ["credit", "fraud"]
    error_message = "Pipelines and the release find groups by these names."
  }
}

run "listens_to_approvals_of_its_own_groups_only" {
  command = plan

  assert {
    condition = { for problem, rule in aws_cloudwatch_event_rule.approved : problem => jsondecode(rule.event_pattern).detail } == {
      credit = { ModelPackageGroupName = ["risk-dev-credit"], ModelApprovalStatus = ["Approved"] }
      fraud  = { ModelPackageGroupName = ["risk-dev-fraud"], ModelApprovalStatus = ["Approved"] }
    }
    error_message = "Other packages of the account are not ours."
  }
}

run "takes_the_approvals_of_a_problem_one_after_the_other" {
  command = plan

  assert {
    condition     = aws_sqs_queue.approvals.fifo_queue
    error_message = "The later of two approvals must serve in the end."
  }

  assert {
    condition     = { for problem, target in aws_cloudwatch_event_target.approvals : problem => target.sqs_target[0].message_group_id } == { credit = "risk-dev-credit", fraud = "risk-dev-fraud" }
    error_message = "Credit does not wait for the endpoint of fraud."
  }

  assert {
    condition     = aws_sqs_queue.approvals.content_based_deduplication
    error_message = "EventBridge cannot send to a queue that wants a deduplication id."
  }
}

run "tries_an_approval_for_longer_than_an_update_takes_and_then_keeps_it" {
  assert {
    condition     = aws_sqs_queue.approvals.visibility_timeout_seconds >= 6 * 20
    error_message = "Lambda wants six times the function's timeout: two runs at once must not take one approval."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.approvals.redrive_policy).maxReceiveCount * aws_sqs_queue.approvals.visibility_timeout_seconds > 8 * 3600
    error_message = "SageMaker lets an update take eight hours."
  }

  assert {
    condition     = aws_sqs_queue.approvals.message_retention_seconds > 2 * jsondecode(aws_sqs_queue.approvals.redrive_policy).maxReceiveCount * aws_sqs_queue.approvals.visibility_timeout_seconds
    error_message = "An approval must not expire behind one that waits."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.approvals.redrive_policy).deadLetterTargetArn == aws_sqs_queue.failed.arn && aws_sqs_queue.failed.fifo_queue
    error_message = "What was given up must be heard of, and what a queue of this kind gives up goes to one of its kind."
  }
}

run "lets_its_own_rules_send_and_nobody_else" {
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.approvals.statement :
      statement.actions == toset(["sqs:SendMessage"])
      && one(statement.principals).identifiers == toset(["events.amazonaws.com"])
      && one(statement.condition).variable == "aws:SourceArn"
      && toset(one(statement.condition).values) == toset([for rule in aws_cloudwatch_event_rule.approved : rule.arn])
    ])
    error_message = "Whoever sends to the queue decides which model serves."
  }

  assert {
    condition     = aws_sqs_queue.approvals.kms_master_key_id == var.kms_key_arn && aws_sqs_queue.failed.kms_master_key_id == var.kms_key_arn
    error_message = "Both queues are encrypted."
  }
}
