# What the witness is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  access_logs = "risk-prod-logs-111122223333"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  lock        = { mode = "GOVERNANCE", days = 365 }
  name        = "risk-prod-witness-111122223333"
  prefix      = "risk-prod"
}

run "locks_what_is_written_for_as_long_as_it_is_told" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket.this.object_lock_enabled
      && one(one(aws_s3_bucket_object_lock_configuration.this.rule).default_retention).mode == "GOVERNANCE"
      && one(one(aws_s3_bucket_object_lock_configuration.this.rule).default_retention).days == 365
    )
    error_message = "A copy that can be deleted is no witness."
  }
}

run "is_written_by_the_seal_and_unlocked_by_nobody" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.effect == "Deny" && toset(statement.actions) == toset(["s3:PutObject"])
      && alltrue([for only in statement.condition : only.test == "ArnNotLike" && alltrue([for role in only.values : endswith(role, ":role/risk-prod-seal")])])
    ])
    error_message = "Only the function that seals brings copies."
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.effect == "Deny" && contains(statement.actions, "s3:BypassGovernanceRetention") && contains(statement.actions, "s3:PutObjectRetention") && length(statement.condition) == 0
    ])
    error_message = "A lock that a role may lift is none."
  }
}
