# What the tables are made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  prefix      = "risk-dev"
}

run "forgets_answers_and_encrypts_them_until_then" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this.ttl[0].enabled && aws_dynamodb_table.this.ttl[0].attribute_name == "expires"
    error_message = "An answer expires."
  }

  assert {
    condition     = aws_dynamodb_table.tails.ttl[0].enabled && aws_dynamodb_table.tails.ttl[0].attribute_name == "expires"
    error_message = "A tail expires."
  }

  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.kms_key_arn
    error_message = "Answers are encrypted by the platform's key."
  }

  assert {
    condition     = aws_dynamodb_table.tails.server_side_encryption[0].kms_key_arn == var.kms_key_arn
    error_message = "Tails are encrypted by the platform's key."
  }
}
