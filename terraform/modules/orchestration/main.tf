# What runs by the clock: the nightly lake, the loans of a day and of a month, the drift report. A machine is a file in machines/; it begins
# with a plan: what the caller did not say follows from `as_of`.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  arn   = "arn:${data.aws_partition.this.partition}"
  place = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"

  # A schedule starts the machine of its name, but for the daily one of the loans, which has the monthly one's.
  scheduled = { for name, when in var.schedules : name => when if name != "enabled" }
  started   = { for name in keys(local.scheduled) : name => trimsuffix(name, "-daily") }

  # What the machines write as ${...}.
  names = {
    code_uri      = var.processing.code_uri
    crawlers      = var.crawlers
    drift_psi     = var.processing.drift_psi
    image         = var.processing.image
    instance_type = var.processing.instance_type
    jobs          = var.jobs
    kms_key_arn   = var.lake.kms_key_arn
    lake          = var.lake.name
    namespace     = var.namespace
    prefix        = var.prefix
    region        = data.aws_region.this.name
    roles         = { for kind, role in var.processing.roles : replace(kind, "-", "_") => role }
    seal          = module.seal.arn
    workgroup     = var.athena_workgroup

    # Each is the text of a whole list.
    security_group_ids = join("\", \"", try(var.processing.network.security_group_ids, []))
    subnet_ids         = join("\", \"", try(var.processing.network.subnet_ids, []))
  }

  machines = { for machine in toset(values(local.started)) : machine => jsondecode(templatefile("${path.module}/machines/${machine}.asl.json", local.names)) }

  # What says in a job's request that it runs in a network, where it does not.
  left_out = var.processing.network == null ? ["NetworkConfig"] : []
}

resource "aws_sfn_state_machine" "this" {
  for_each = local.machines

  name     = "${var.prefix}-${each.key}"
  role_arn = module.role[each.key].arn

  definition = jsonencode(merge(local.machines[each.key], {
    States = {
      for name, state in local.machines[each.key].States : name => merge(state, {
        for member, value in state : member => { for given, text in value : given => text if !contains(local.left_out, given) } if member == "Parameters"
      })
    }
  }))

  tracing_configuration {
    enabled = true
  }

  # What failed and where; never what it was given.
  logging_configuration {
    include_execution_data = false
    level                  = "ERROR"
    log_destination        = "${aws_cloudwatch_log_group.this[each.key].arn}:*"
  }
}

# Under /aws/vendedlogs/, which spares the account's log resource policy: it has room for a few groups only.
resource "aws_cloudwatch_log_group" "this" {
  for_each = local.machines

  name              = "/aws/vendedlogs/states/${var.prefix}-${each.key}"
  retention_in_days = 365
  kms_key_id        = var.lake.kms_key_arn
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.scheduled

  name                = "${var.prefix}-${each.key}"
  schedule_expression = each.value
  state               = var.schedules.enabled ? "ENABLED" : "DISABLED"
  kms_key_arn         = var.lake.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this[local.started[each.key]].arn
    role_arn = module.scheduler.arn

    # The clock may tell twice: what scores loans is named by the time that it was to begin at.
    input = jsonencode(merge(
      { as_of = "<aws.scheduler.scheduled-time>" },
      local.started[each.key] == "score-loans" ? { scheduled = "<aws.scheduler.scheduled-time>" } : {},
      endswith(each.key, "-daily") ? { by = "day" } : {},
    ))
  }
}
