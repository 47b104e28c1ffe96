# What topic and queue are made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  prefix      = "risk-dev"
}

run "keeps_each_message_for_two_weeks_encrypted" {
  command = plan

  assert {
    condition     = aws_sqs_queue.this.message_retention_seconds == 1209600
    error_message = "A payment waits for two weeks."
  }

  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.kms_key_arn && aws_sns_topic.this.kms_master_key_id == var.kms_key_arn
    error_message = "Topic and queue are encrypted by the platform's key."
  }

  assert {
    condition     = aws_sns_topic_subscription.this.raw_message_delivery
    error_message = "The queue holds the messages as they were sent."
  }
}

run "sets_aside_what_comes_for_an_hour_in_vain" {
  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.failed.arn, maxReceiveCount = 20 }
    error_message = "A message that is no payment does not come for ever."
  }

  assert {
    condition     = aws_sqs_queue.failed.message_retention_seconds == 1209600 && aws_sqs_queue.failed.kms_master_key_id == var.kms_key_arn
    error_message = "What was set aside can be brought back for two weeks, and is encrypted."
  }
}
