# What undoes a release by itself while the new model takes traffic: alarms that SageMaker looks at (AutoRollbackConfiguration).
#
# None says anything before there are enough samples. The endpoint's own measures count both fleets, for they bear the
# variant's name: a canary that always fails at a tenth of the traffic shows as ten errors of a hundred.

locals {
  own       = { for name in ["decisions", "degraded", "blocked"] : name => { namespace = var.guard.namespace, metric = name, stat = "Sum", dimensions = { door = "stream" } } }
  served    = { EndpointName = "${var.prefix}-fraud", VariantName = "champion" }
  endpoints = { for name, metric in { calls = ["Invocations", "Sum"], errors = ["InvocationModelErrors", "Sum"], latency = ["ModelLatency", "p99"] } : name => { namespace = "AWS/SageMaker", metric = metric[0], stat = metric[1], dimensions = local.served } }
  canary    = { for name in ["canary_probes", "canary_failed", "canary_differing"] : name => { namespace = var.guard.namespace, metric = name, stat = "Sum", dimensions = { problem = "fraud" } } }
  measured  = merge(local.own, local.endpoints, local.canary)

  least = 30 # samples within a minute

  least_hanging = 8 # probes within a minute, of which every one failed

  guards = {
    errors = {
      description = "Of ${local.least} or more requests to the endpoint within a minute, more than 1 of 100 failed"
      metrics     = ["calls", "errors"]
      value       = "IF(calls >= ${local.least}, 100 * errors / calls, 0)"
      above       = 1
    }
    latency = {
      description = "The 99th percentile of ${local.least} or more of the model's answers is above ${var.guard.most_latency_ms} ms"
      metrics     = ["calls", "latency"]
      value       = "IF(calls >= ${local.least}, latency / 1000, 0)"
      above       = var.guard.most_latency_ms
    }
    scores = {
      description = "The endpoint answers other scores than the shadow run has computed for the same payments, or none of ${local.least_hanging} or more probes"
      metrics     = ["canary_probes", "canary_failed", "canary_differing"]
      # Of an endpoint that hangs a look asks few: each takes its whole time.
      value = "IF(canary_probes >= ${local.least}, canary_differing, 0) + IF(canary_failed >= ${local.least_hanging}, IF(canary_failed >= canary_probes, 1, 0), 0)"
      above = 0
    }
    degraded = {
      description = "Of ${local.least} or more decisions within a minute, more than 5 of 100 were made without the model or a policy"
      metrics     = ["decisions", "degraded"]
      value       = "IF(decisions >= ${local.least}, 100 * degraded / decisions, 0)"
      above       = 5
    }
    blocked = {
      description = "Of ${local.least} or more decisions within a minute, more than ${var.guard.most_blocked_percent} of 100 were blocked"
      metrics     = ["decisions", "blocked"]
      value       = "IF(decisions >= ${local.least}, 100 * blocked / decisions, 0)"
      above       = var.guard.most_blocked_percent
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "guard" {
  for_each = local.guards

  alarm_name          = "${var.prefix}-guard-${each.key}"
  alarm_description   = "${each.value.description}. A release that is under way is undone. Runbook: docs/runbooks/roll-a-model-back.md"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.guard.topic_arn]

  metric_query {
    id          = "value"
    expression  = each.value.value
    label       = each.key
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id = metric_query.value

      metric {
        namespace   = local.measured[metric_query.value].namespace
        metric_name = local.measured[metric_query.value].metric
        stat        = local.measured[metric_query.value].stat
        period      = 60
        dimensions  = local.measured[metric_query.value].dimensions
      }
    }
  }
}

# It measures nothing: whoever watches a release sets it, and it keeps that state.
resource "aws_cloudwatch_metric_alarm" "abort" {
  alarm_name          = "${var.prefix}-guard-abort"
  alarm_description   = "Somebody has aborted the release that was under way. Runbook: docs/runbooks/roll-a-model-back.md"
  namespace           = var.guard.namespace
  metric_name         = "aborted_releases"
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "ignore"
  alarm_actions       = [var.guard.topic_arn]
}
