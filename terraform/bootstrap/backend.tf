# The state lies in a bucket that it describes: `make bootstrap` makes it, and the bucket that logs go to, empty, when there
# is none, and the imports below take them in. The data stack needs no more than these two.
terraform {
  backend "s3" {
    key          = "bootstrap.tfstate"
    use_lockfile = true
  }
}

import {
  for_each = toset(["logs", "state"])

  to = aws_s3_bucket.this[each.key]
  id = "${var.prefix}-${var.environment}-${each.key}-${var.account_ids[0]}"
}
