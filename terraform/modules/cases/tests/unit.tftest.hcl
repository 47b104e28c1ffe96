# What table and topic are made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  prefix      = "risk-dev"
}

run "keeps_cases_encrypted_and_can_bring_them_back" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.kms_key_arn && aws_sns_topic.answers.kms_master_key_id == var.kms_key_arn
    error_message = "Cases and answers are encrypted by the platform's key."
  }

  assert {
    condition     = aws_dynamodb_table.this.point_in_time_recovery[0].enabled
    error_message = "What people decided can be brought back."
  }

  assert {
    condition     = aws_dynamodb_table.this.ttl[0].enabled && aws_dynamodb_table.this.ttl[0].attribute_name == "expires"
    error_message = "What was decided long ago goes by itself."
  }
}

run "finds_the_next_case_without_reading_the_others" {
  command = plan

  assert {
    condition     = [for index in aws_dynamodb_table.this.global_secondary_index : "${index.name} ${index.hash_key} ${index.range_key} ${index.projection_type}"] == ["queue queue rank ALL"]
    error_message = "Cases are found by state, in the order in which they are taken."
  }
}
