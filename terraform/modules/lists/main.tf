# Lists of any size that rules look up for each payment: an item for each value on each list, with who put it there, why
# and until when, and the history of each beside it.

resource "aws_dynamodb_table" "this" {
  name         = "${var.prefix}-lists"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "value"
  range_key    = "list"

  attribute {
    name = "value"
    type = "S"
  }

  attribute {
    name = "list"
    type = "S"
  }

  # Doors count no entry whose time is over, however long it stays.
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
