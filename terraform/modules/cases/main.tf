# Review cases: payments of a customer that a person must look at, with their history, until long after they were decided;
# and the topic that tells payers who wait what became of them.

resource "aws_dynamodb_table" "this" {
  name         = "${var.prefix}-cases"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "of"
  range_key    = "what"

  attribute {
    name = "of"
    type = "S"
  }

  attribute {
    name = "what"
    type = "S"
  }

  attribute {
    name = "queue"
    type = "S"
  }

  attribute {
    name = "rank"
    type = "S"
  }

  # Cases by state, in the order in which they are taken.
  global_secondary_index {
    name            = "queue"
    hash_key        = "queue"
    range_key       = "rank"
    projection_type = "ALL"
  }

  # Only what is decided expires.
  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Who wants an answer without asking subscribes here: a queue, or an HTTPS address, which is a webhook.
resource "aws_sns_topic" "answers" {
  name              = "${var.prefix}-case-decisions"
  kms_master_key_id = var.kms_key_arn
}
