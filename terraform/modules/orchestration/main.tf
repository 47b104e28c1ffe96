# What runs by the clock: the nightly lake, the month's loans, the drift report.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  arn   = "arn:${data.aws_partition.this.partition}"
  place = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"

  machines = {
    nightly     = local.nightly
    score-loans = local.score_loans
    drift       = local.drift
  }

  schedules = {
    nightly     = "cron(0 2 * * ? *)"
    drift       = "cron(0 5 * * ? *)"
    score-loans = "cron(0 6 1 * ? *)"
  }
}

resource "aws_sfn_state_machine" "this" {
  for_each = local.machines

  name       = "${var.prefix}-${each.key}"
  role_arn   = aws_iam_role.machines.arn
  definition = jsonencode(each.value)

  depends_on = [aws_iam_role_policy.machines]
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                = "${var.prefix}-${each.key}"
  schedule_expression = each.value

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this[each.key].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ as_of = "<aws.scheduler.scheduled-time>" })
  }
}
