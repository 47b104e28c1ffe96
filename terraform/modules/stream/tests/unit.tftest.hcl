# What the stream is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  failed          = { name = "risk-dev-stream-failed", retention_seconds = 1209600 }
  kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  name            = "risk-dev-transactions"
  retention_hours = 168
  shards          = 2
}

run "encrypts_payments_on_their_way" {
  command = plan

  assert {
    condition     = aws_kinesis_stream.this.kms_key_id == var.kms_key_arn && aws_sqs_queue.failed.kms_master_key_id == var.kms_key_arn
    error_message = "Stream and queue are encrypted by the platform's key."
  }
}

run "keeps_records_and_messages_for_as_long_as_it_is_told" {
  command = plan

  assert {
    condition     = aws_kinesis_stream.this.retention_period == 168 && aws_sqs_queue.failed.message_retention_seconds == 1209600
    error_message = "There must be time left to repair and replay."
  }
}

run "has_as_many_shards_as_it_is_told" {
  command = plan

  assert {
    condition     = aws_kinesis_stream.this.shard_count == 2 && aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "PROVISIONED"
    error_message = "Shards are provisioned where they are named."
  }
}

run "grows_and_shrinks_on_demand_where_no_shards_are_named" {
  command = plan

  variables {
    shards = null
  }

  assert {
    condition     = aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND"
    error_message = "Payments that come in bursts need not be provisioned for."
  }
}
