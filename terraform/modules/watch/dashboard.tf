# One page. Percentiles, not averages: an average hides the payer who waited.

data "aws_region" "this" {}

locals {
  widgets = [
    { title = "API door: own time (ms)", metrics = [for s in ["p50", "p99"] : [var.namespace, "decision_ms", "door", "api", { stat = s }]] },
    { title = "Decisions per minute", metrics = [for door in ["api", "stream"] : [var.namespace, "decisions", "door", door, { stat = "Sum" }]] },
    { title = "Degraded decisions", metrics = [for door in ["api", "stream"] : [var.namespace, "degraded", "door", door, { stat = "Sum" }]] },
    { title = "Streams: age of the oldest payment (ms)", metrics = [for reader in ["stream", "merchants"] : ["AWS/Lambda", "IteratorAge", "FunctionName", var.functions[reader], { stat = "Maximum" }]] },
    { title = "Function errors", metrics = [for name in values(var.functions) : ["AWS/Lambda", "Errors", "FunctionName", name, { stat = "Sum" }]] },
    { title = "Parity: vectors compared, different, not in the lake; payments undecided", metrics = [for m in ["ParityCompared", "ParityMismatches", "ParityNotInLake", "PaymentsUndecided"] : [var.namespace, m, { stat = "Sum" }]] },
    { title = "Given up: payments, counts of them, approvals", metrics = [for queue in values(var.queues.failed) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { stat = "Maximum" }]] },
    { title = "Features: hours since the newest event", metrics = [for group in var.entities.published : [var.namespace, "FeatureAgeHours", "group", group, { stat = "Maximum" }]] },
    { title = "Quarantine: share of a batch's rows", metrics = [for entity in var.entities.brought : [var.namespace, "QuarantinedShare", "entity", entity, { stat = "Maximum" }]] },
    { title = "Quality gate: batches that failed", metrics = concat([[var.namespace, "GateFailed", { stat = "Sum" }]], [for entity in setunion(var.entities.brought, var.entities.vectors) : [var.namespace, "GateFailed", "entity", entity, { stat = "Sum" }]]) },
    { title = "Drift: PSI of score and worst feature", metrics = [for m in ["ScorePSI", "WorstFeaturePSI"] : [var.namespace, m, { stat = "Maximum" }]] },
    { title = "Loans: PSI of score and worst column", metrics = [for m in ["ScorePSI", "WorstFeaturePSI"] : [var.namespace, m, "problem", "credit", { stat = "Maximum" }]] },
    { title = "Approval and override rates", metrics = [for pair in setproduct(["ApprovalRate", "OverrideRate"], keys(local.judged)) : [var.namespace, pair[0], "problem", pair[1], { stat = "Average" }]] },
    { title = "Matured decisions: AUC, observed over expected", metrics = [for pair in setproduct(["AUC", "ObservedOverExpected"], keys(local.judged)) : [var.namespace, pair[0], "problem", pair[1], { stat = "Average" }]] },
    { title = "State machines that failed", metrics = [for arn in values(var.state_machines) : ["AWS/States", "ExecutionsFailed", "StateMachineArn", arn, { stat = "Sum" }]] },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.prefix

  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        width  = 8
        height = 6
        x      = 8 * (index % 3)
        y      = 6 * floor(index / 3)
        properties = {
          title   = widget.title
          metrics = widget.metrics
          region  = data.aws_region.this.name
          period  = 60
          view    = "timeSeries"
        }
      }
    ]
  })
}
