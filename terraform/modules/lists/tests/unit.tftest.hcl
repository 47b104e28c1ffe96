# What the table is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  prefix      = "risk-dev"
}

run "forgets_entries_whose_time_is_over_and_encrypts_them_until_then" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this.ttl[0].enabled && aws_dynamodb_table.this.ttl[0].attribute_name == "expires"
    error_message = "An entry may expire."
  }

  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.kms_key_arn
    error_message = "Entries are encrypted by the platform's key."
  }

  assert {
    condition     = aws_dynamodb_table.this.hash_key == "value" && aws_dynamodb_table.this.range_key == "list"
    error_message = "All that is held about a value lies together."
  }
}
