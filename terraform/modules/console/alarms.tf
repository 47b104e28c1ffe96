# Whether people can look. Without an image nothing is to run, and nothing rings.

locals {
  look = "Runbook: docs/runbooks/the-console-is-down.md"

  # What pages answer, and what the balancer answers for a container that does not.
  failures = {
    pages    = { metric = "HTTPCode_Target_5XX_Count", of = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.this.arn_suffix } }
    balancer = { metric = "HTTPCode_ELB_5XX_Count", of = { LoadBalancer = aws_lb.this.arn_suffix } }
  }
}

# A container that is gone is counted nowhere: what is missing counts as down.
resource "aws_cloudwatch_metric_alarm" "down" {
  count = var.image_digest == null ? 0 : 1

  alarm_name          = "${local.name}-down"
  alarm_description   = "No container of the console answers its load balancer. ${local.look}"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = local.failures.pages.of
  statistic           = "Maximum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 10
  datapoints_to_alarm = 10
  treat_missing_data  = "breaching"
  alarm_actions       = [var.served_as.alarm_topic_arn]
  ok_actions          = [var.served_as.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "fails" {
  count = var.image_digest == null ? 0 : 1

  alarm_name          = "${local.name}-fails"
  alarm_description   = "More than five requests within five minutes were answered with an error of the console or of its load balancer. ${local.look}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.served_as.alarm_topic_arn]

  metric_query {
    id          = "value"
    expression  = "SUM(METRICS())"
    label       = "fails"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.failures

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value.metric
        stat        = "Sum"
        period      = 300
        dimensions  = metric_query.value.of
      }
    }
  }
}
