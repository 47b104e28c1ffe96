# A stream of payments, and the queue of what its reader gave up. Both hold payments: they outlive what reads them.

resource "aws_kinesis_stream" "this" {
  name             = var.name
  shard_count      = var.shards
  retention_period = var.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = var.kms_key_arn

  stream_mode_details {
    stream_mode = var.shards == null ? "ON_DEMAND" : "PROVISIONED"
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Its messages hold sequence numbers, not payments: what they point to is read from the stream again.
resource "aws_sqs_queue" "failed" {
  name                      = var.failed.name
  message_retention_seconds = var.failed.retention_seconds
  kms_master_key_id         = var.kms_key_arn
}
