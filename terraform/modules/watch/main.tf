# What is watched: the doors, the jobs, what they write, parity and drift. Alarms go to one topic; one dashboard shows it all.

# The key's policy must name CloudWatch: alarms to a topic that they cannot encrypt for are silent.
resource "aws_sns_topic" "alarms" {
  name              = "${var.prefix}-alarms"
  kms_master_key_id = var.key.arn
}

# An address is asked to confirm; until it has, it is told nothing, which `make verify` finds.
resource "aws_sns_topic_subscription" "alarms" {
  for_each = var.subscribers

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

locals {
  # Hours: a day, and what a night takes; where nothing happens on some days, a long weekend more, and so of others that a
  # user declares.
  oldest_features  = { customer = 30, merchant = 30, account = 102, device = 102, loan-applicant = 102 }
  most_blocked     = var.thresholds.blocked_per_minute
  most_quarantined = var.thresholds.quarantined_share

  # One minute says little: a cold start, a container that is replaced. Three of five do.
  lie_for_a_minute = ["answers-degraded", "api-slow", "decisions-degraded", "merchants-behind", "stream-behind", "velocity-inexact"]

  # What must happen: silence is the failure. By hour, for CloudWatch looks back over no more than a day in smaller steps.
  heartbeats = merge(
    var.heartbeats.night_hours == null ? {} : {
      night-missing = {
        description = "No night has succeeded for ${coalesce(var.heartbeats.night_hours, 0)} hours"
        namespace   = "AWS/States"
        metric      = "ExecutionsSucceeded"
        dimensions  = { StateMachineArn = var.state_machines["nightly"] }
        hours       = var.heartbeats.night_hours
      }
    },
    var.heartbeats.payments_hours == null ? {} : {
      payments-missing = {
        description = "The consumer has decided no payment for ${coalesce(var.heartbeats.payments_hours, 0)} hours"
        namespace   = var.namespace
        metric      = "decisions"
        dimensions  = { door = "stream" }
        hours       = var.heartbeats.payments_hours
      }
    },
  )

  # Where whoever is called finds what to do. The list is made from the runbooks.
  runbooks = jsondecode(file("${path.module}/runbooks.json"))
  look     = { for alarm in concat(keys(local.alarms), keys(local.heartbeats)) : alarm => "Runbook: docs/runbooks/${lookup(local.runbooks, alarm, startswith(alarm, "features-") ? local.runbooks["features-device-old"] : "README")}.md" }

  # A run that is stopped, or takes longer than it may, has not failed by ExecutionsFailed.
  summed = [for machine in keys(var.state_machines) : "${machine}-failed"]

  # Of several metrics something is reckoned: their sum, or what an alarm says.
  reckoned = concat(local.summed, ["loans-unread"])

  # In a period of one minute most would have no point, and an alarm would come and go: cases are measured every five
  # minutes, and loans come one by one.
  looked_at = ["cases-unfinished", "cases-waiting", "loans-undecided", "loans-untold"]

  # What is decided, by problem.
  judged = { credit = "loans", fraud = "payments" }

  # By queue of what was given up.
  given_up = {
    stream    = "Payments could not be decided and wait in the failed queue"
    merchants = "Payments were not counted at their merchants; for a day rules see less traffic than there was"
    reviews   = "Payments to review came into no case, or messages are no payments, and wait in the failed queue"
    release   = "An approved model was not released; approve it again once what hindered it is repaired"
  }

  # Every alarm: what is measured, and from where on it is wrong.
  alarms = merge(
    {
      for function, name in var.functions : "${function}-errors" => {
        description = "The ${function} function fails"
        namespace   = "AWS/Lambda"
        metric      = "Errors"
        dimensions  = { FunctionName = name }
        statistic   = "Sum"
        above       = 0
      }
    },
    {
      for machine, arn in var.state_machines : "${machine}-failed" => {
        description = "A run of the ${machine} state machine failed, took too long or was stopped"
        namespace   = "AWS/States"
        metrics     = ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"]
        dimensions  = { StateMachineArn = arn }
        statistic   = "Sum"
        above       = 0
      }
    },
    {
      for group in var.entities.published : "features-${group}-old" => {
        description = "The newest ${group} record is more than ${lookup(local.oldest_features, group, local.oldest_features.device)} hours older than the night"
        namespace   = var.namespace
        metric      = "FeatureAgeHours"
        dimensions  = { group = group }
        statistic   = "Maximum"
        above       = lookup(local.oldest_features, group, local.oldest_features.device)
      }
    },
    {
      for entity in var.entities.brought : "quarantine-${entity}" => {
        description = "Of a batch's ${entity}, more than ${100 * local.most_quarantined} of 100 rows went to quarantine"
        namespace   = var.namespace
        metric      = "QuarantinedShare"
        dimensions  = { entity = entity }
        statistic   = "Maximum"
        above       = local.most_quarantined
      }
    },
    {
      for queue, name in var.queues.failed : "${queue}-gave-up" => {
        description = local.given_up[queue]
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = name }
        statistic   = "Maximum"
        above       = 0
      }
    },
    !var.key.told_of ? {} : {
      key-going = {
        description = "Somebody disabled a key of the account or scheduled its deletion: what it encrypts cannot be read then"
        namespace   = var.namespace
        metric      = "KeysTakenAway"
        dimensions  = {}
        statistic   = "Sum"
        above       = 0
      }
    },
    {
      approvals-waiting = {
        description = "An approval has waited for more than an hour: the endpoint changes over, or a release is held up"
        namespace   = "AWS/SQS"
        metric      = "ApproximateAgeOfOldestMessage"
        dimensions  = { QueueName = var.queues.approvals }
        statistic   = "Maximum"
        above       = 3600
      }
      reviews-waiting = {
        description = "A payment to review has waited for a quarter of an hour to come into a case"
        namespace   = "AWS/SQS"
        metric      = "ApproximateAgeOfOldestMessage"
        dimensions  = { QueueName = var.queues.reviews }
        statistic   = "Maximum"
        above       = 900
      }
      cases-waiting = {
        description = "A review case has waited for more than ${var.thresholds.case_hours} hours for somebody to take it"
        namespace   = var.namespace
        metric      = "oldest_unassigned_ms"
        dimensions  = { door = "cases" }
        statistic   = "Maximum"
        above       = 3600000 * var.thresholds.case_hours
      }
      cases-unfinished = {
        description = "Cases were decided, and their labels or answers could not be sent"
        namespace   = var.namespace
        metric      = "unfinished"
        dimensions  = { door = "cases" }
        statistic   = "Minimum" # of several looks: once is no more than a moment
        above       = 0
      }
      reviews-unsent = {
        description = "Payments to review could not be told"
        namespace   = var.namespace
        metric      = "unsent_reviews"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      stream-behind = {
        description = "Payments wait for more than a minute"
        namespace   = "AWS/Lambda"
        metric      = "IteratorAge"
        dimensions  = { FunctionName = var.functions["stream"] }
        statistic   = "Maximum"
        above       = 60000
      }
      merchants-behind = {
        description = "Rules see the traffic at merchants as it was more than a minute ago"
        namespace   = "AWS/Lambda"
        metric      = "IteratorAge"
        dimensions  = { FunctionName = var.functions["merchants"] }
        statistic   = "Maximum"
        above       = 60000
      }
      merchants-untold = {
        description = "The merchants' stream did not take payments; for a day rules see less traffic than there was"
        namespace   = var.namespace
        metric      = "untold_merchants"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      frauds-untold = {
        description = "Rules were not told of payments that labels call fraud; the labels are stored"
        namespace   = var.namespace
        metric      = "frauds_untold"
        dimensions  = { door = "labels" }
        statistic   = "Sum"
        above       = 0
      }
      cases-frauds-untold = {
        description = "Rules were not told of payments that reviewers called fraud; their labels are stored"
        namespace   = var.namespace
        metric      = "frauds_untold"
        dimensions  = { door = "cases" }
        statistic   = "Sum"
        above       = 0
      }
      traffic-unread = {
        description = "The stream door decides without knowing the traffic at merchants: rules that look at it are silent"
        namespace   = var.namespace
        metric      = "unread_traffic"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      answers-traffic-unread = {
        description = "The API door answers without knowing the traffic at merchants: rules that look at it are silent"
        namespace   = var.namespace
        metric      = "unread_traffic"
        dimensions  = { door = "api" }
        statistic   = "Sum"
        above       = 0
      }
      lists-unread = {
        description = "The stream door decides without knowing who is on the lists that rules look up: they are silent"
        namespace   = var.namespace
        metric      = "unread_lists"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      answers-lists-unread = {
        description = "The API door answers without knowing who is on the lists that rules look up: they are silent"
        namespace   = var.namespace
        metric      = "unread_lists"
        dimensions  = { door = "api" }
        statistic   = "Sum"
        above       = 0
      }
      api-slow = {
        description = "The 99th percentile of the API door's own time is above its budget"
        namespace   = var.namespace
        metric      = "decision_ms"
        dimensions  = { door = "api" }
        statistic   = "p99"
        above       = var.thresholds.api_p99_ms
      }
      stream-poison = {
        description = "Records on the stream are no payments and were set aside: tell whoever sends them"
        namespace   = var.namespace
        metric      = "poison"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      stream-forged = {
        description = "A decision came on the stream that the API door has not made: somebody writes his own"
        namespace   = var.namespace
        metric      = "forged"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      velocity-inexact = {
        description = "The API door answers without knowing all payments that were decided before"
        namespace   = var.namespace
        metric      = "inexact_velocity"
        dimensions  = { door = "api" }
        statistic   = "Sum"
        above       = 0
      }
      let-through = {
        description = "A payment was let through that would have been blocked with what was decided before it"
        namespace   = var.namespace
        metric      = "overtaken_blocks"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      decisions-degraded = {
        description = "The stream door decides without the model or a policy"
        namespace   = var.namespace
        metric      = "degraded"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      answers-degraded = {
        description = "The API door answers without fresh features, the model or a policy"
        namespace   = var.namespace
        metric      = "degraded"
        dimensions  = { door = "api" }
        statistic   = "Sum"
        above       = 0
      }
      answers-unremembered = {
        description = "The API door cannot remember its answers: a question that comes again may be answered otherwise"
        namespace   = var.namespace
        metric      = "unremembered"
        dimensions  = { door = "api" }
        statistic   = "Sum"
        above       = 0
      }
      blocks-burst = {
        description = "More than ${local.most_blocked} payments were blocked within a minute: an attack, or a policy or a model gone wrong"
        namespace   = var.namespace
        metric      = "blocked"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = local.most_blocked
      }
      alerts-unsent = {
        description = "Payments were blocked and nobody was told: SNS did not take the alerts"
        namespace   = var.namespace
        metric      = "unsent_alerts"
        dimensions  = { door = "stream" }
        statistic   = "Sum"
        above       = 0
      }
      api-not-handed-on = {
        description = "The stream did not take payments that the API door had decided; their senders were told to ask again"
        namespace   = var.namespace
        metric      = "not_handed_on"
        dimensions  = { door = "api" }
        statistic   = "Sum"
        above       = 0
      }
      labels-not-stored = {
        description = "The lake did not take reported labels; their senders were asked to send them again"
        namespace   = var.namespace
        metric      = "labels_not_stored"
        dimensions  = { door = "labels" }
        statistic   = "Sum"
        above       = 0
      }
      # A client asks three times: one application that is not decided in the end.
      loans-undecided = {
        description = "The loans' door could not decide: no model or no policy that fit, or they cannot be reached"
        namespace   = var.namespace
        metric      = "loans_undecided"
        dimensions  = { door = "loans" }
        statistic   = "Sum"
        above       = 2
      }
      loans-unread = {
        description = "Of the loans that the API decided within an hour, more than a fifth, and at least ten, went to people because a cell or the record of their payments could not be read"
        namespace   = var.namespace
        metrics     = ["loans_unread", "loans_decided"]
        expression  = "IF(loans_unread >= 10, loans_unread / loans_decided, 0)"
        period      = 3600
        dimensions  = { door = "loans" }
        statistic   = "Sum"
        above       = 0.2
      }
      loans-untold = {
        description = "Answers of the loans' door stand and are in no row of loan_answers: the same question asked again writes it"
        namespace   = var.namespace
        metric      = "loans_untold"
        dimensions  = { door = "loans" }
        statistic   = "Sum"
        above       = 0
      }
      gate-failed = {
        description = "A table did not pass the quality gate; nothing of its entity was written to its layer, the others go on"
        namespace   = var.namespace
        metric      = "GateFailed"
        dimensions  = {}
        statistic   = "Sum"
        above       = 0
      }
      parity = {
        description = "A served vector differs from the one that the lake computes"
        namespace   = var.namespace
        metric      = "ParityMismatches"
        dimensions  = {}
        statistic   = "Sum"
        above       = 0
      }
      parity-not-in-lake = {
        description = "Payments were decided that the lake has no vector of"
        namespace   = var.namespace
        metric      = "ParityNotInLake"
        dimensions  = {}
        statistic   = "Sum"
        above       = 0
      }
      payments-undecided = {
        description = "Of a day that has decisions, payments are without: they wait in the failed queue, or came by file only"
        namespace   = var.namespace
        metric      = "PaymentsUndecided"
        dimensions  = {}
        statistic   = "Sum"
        above       = 0
      }
      drift = {
        description = "The score, or a column, has shifted from the training baseline (PSI above ${var.thresholds.score_psi}, and not by chance); a new model is being trained"
        namespace   = var.namespace
        metric      = "Drifted"
        dimensions  = { problem = "fraud" }
        statistic   = "Maximum"
        above       = 0
      }
      loans-drift = {
        description = "Of the loans that a run scored, the score or a column has shifted from the training baseline (PSI above ${var.thresholds.score_psi}, and not by chance); a new model is being trained"
        namespace   = var.namespace
        metric      = "Drifted"
        dimensions  = { problem = "credit" }
        statistic   = "Maximum"
        above       = 0
      }
    },
    {
      for problem, about in local.judged : "${about}-worse" => {
        description = "What has become of ${about}: the score of ${problem} ranks worse than its dossier says, or its probabilities are wrong, by more than is borne and not by chance"
        namespace   = var.namespace
        metric      = "Worse"
        dimensions  = { problem = problem }
        statistic   = "Maximum"
        above       = 0
      }
    },
    {
      for problem, about in local.judged : "${about}-decided-otherwise" => {
        description = "Of ${about}, the share that is approved, or sent to people, or refused, has moved by more than is borne and not by chance, or people decide otherwise than the policy too often"
        namespace   = var.namespace
        metric      = "SharesMoved"
        dimensions  = { problem = problem }
        statistic   = "Maximum"
        above       = 0
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.prefix}-${each.key}"
  alarm_description   = "${each.value.description}. ${local.look[each.key]}"
  namespace           = contains(local.reckoned, each.key) ? null : each.value.namespace
  metric_name         = contains(local.reckoned, each.key) ? null : each.value.metric
  dimensions          = contains(local.reckoned, each.key) ? null : each.value.dimensions
  statistic           = contains(local.reckoned, each.key) || startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = contains(local.reckoned, each.key) ? null : contains(local.looked_at, each.key) ? 900 : 60
  evaluation_periods  = contains(local.lie_for_a_minute, each.key) ? 5 : 1
  datapoints_to_alarm = contains(local.lie_for_a_minute, each.key) ? 3 : 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]

  # Where one metric has no point in a minute, SUM(METRICS()) counts the others.
  dynamic "metric_query" {
    for_each = contains(local.reckoned, each.key) ? [try(each.value.expression, "SUM(METRICS())")] : []

    content {
      id          = "value"
      expression  = metric_query.value
      label       = each.key
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = contains(local.reckoned, each.key) ? each.value.metrics : []

    content {
      id = lower(metric_query.value)

      metric {
        namespace   = each.value.namespace
        metric_name = metric_query.value
        stat        = each.value.statistic
        period      = try(each.value.period, 60)
        dimensions  = each.value.dimensions
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "heartbeat" {
  for_each = local.heartbeats

  alarm_name          = "${var.prefix}-${each.key}"
  alarm_description   = "${each.value.description}. ${local.look[each.key]}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 3600
  evaluation_periods  = each.value.hours
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
