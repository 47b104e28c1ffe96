# What the alarms are made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  entities       = { brought = ["loan_applications", "transactions"], vectors = ["transaction_features"], published = ["customer", "loan-applicant"] }
  queues         = { approvals = "risk-dev-release.fifo", reviews = "risk-dev-reviews", failed = { stream = "risk-dev-stream-failed", merchants = "risk-dev-merchants-failed", release = "risk-dev-release-failed.fifo", reviews = "risk-dev-reviews-failed" } }
  functions      = { decide = "risk-dev-decide", merchants = "risk-dev-merchants", release = "risk-dev-release", stream = "risk-dev-stream" }
  key            = { arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000" }
  namespace      = "Risk"
  prefix         = "risk-dev"
  state_machines = { nightly = "arn:aws:states:eu-west-1:111122223333:stateMachine:risk-dev-nightly" }
}

run "watches_every_function_and_every_machine" {
  assert {
    condition     = length(setsubtract(["decide-errors", "release-errors", "stream-errors", "nightly-failed", "stream-behind", "stream-gave-up", "merchants-gave-up", "release-gave-up", "parity", "drift"], keys(aws_cloudwatch_metric_alarm.this))) == 0
    error_message = "Watched are ${join(", ", keys(aws_cloudwatch_metric_alarm.this))}."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])])
    error_message = "Every alarm tells somebody."
  }

  assert {
    condition     = toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.dimensions["QueueName"] if alarm.namespace == "AWS/SQS"]) == toset([var.queues.approvals, var.queues.reviews, var.queues.failed.stream, var.queues.failed.merchants, var.queues.failed.release, var.queues.failed.reviews])
    error_message = "What was given up is heard of."
  }

  assert {
    condition     = alltrue([for alarm in ["cases-waiting", "cases-unfinished"] : aws_cloudwatch_metric_alarm.this[alarm].period == 900])
    error_message = "What is measured every five minutes is not looked for in each."
  }

  # An alarm has one of the two, and AWS refuses both.
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["api-slow"].extended_statistic == "p99" && aws_cloudwatch_metric_alarm.this["drift"].statistic == "Maximum"
    error_message = "Latency is judged by its percentile, drift by its maximum."
  }
}

run "counts_a_run_that_was_stopped_or_took_too_long_as_failed" {
  assert {
    condition = alltrue([for machine in keys(var.state_machines) : toset([for query in aws_cloudwatch_metric_alarm.this["${machine}-failed"].metric_query : coalesce(query.expression, try(one(query.metric).metric_name, null))]) == toset([
      "SUM(METRICS())", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted",
    ])])
    error_message = "A run that ends otherwise than well must ring."
  }

  assert {
    condition     = alltrue([for query in aws_cloudwatch_metric_alarm.this["nightly-failed"].metric_query : one(query.metric).dimensions["StateMachineArn"] == var.state_machines["nightly"] if query.expression == null])
    error_message = "Each machine has its own alarm."
  }
}

run "rings_for_loans_that_nobody_decides_and_for_cells_that_nobody_reads" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["loans-undecided"].metric_name == "loans_undecided" && aws_cloudwatch_metric_alarm.this["loans-undecided"].period == 900 && aws_cloudwatch_metric_alarm.this["loans-undecided"].threshold == 2
    error_message = "One application that is asked three times and not decided rings."
  }

  assert {
    condition     = toset([for query in aws_cloudwatch_metric_alarm.this["loans-unread"].metric_query : try(one(query.metric).metric_name, query.expression)]) == toset(["IF(loans_unread >= 10, loans_unread / loans_decided, 0)", "loans_unread", "loans_decided"]) && alltrue([for query in aws_cloudwatch_metric_alarm.this["loans-unread"].metric_query : one(query.metric).period == 3600 if query.expression == null])
    error_message = "A share rings, of an hour, and not of a handful."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["loans-untold"].metric_name == "loans_untold" && aws_cloudwatch_metric_alarm.this["loans-untold"].threshold == 0 && aws_cloudwatch_metric_alarm.this["loans-untold"].dimensions == tomap({ door = "loans" })
    error_message = "An answer that stands and is in no table rings."
  }
}

run "watches_what_the_night_writes" {
  command = plan

  assert {
    condition = toset([for key, alarm in aws_cloudwatch_metric_alarm.this : "${alarm.metric_name} ${join("", values(alarm.dimensions))} ${alarm.threshold}" if contains(["FeatureAgeHours", "QuarantinedShare"], coalesce(alarm.metric_name, "none"))]) == toset([
      "FeatureAgeHours customer 30", "FeatureAgeHours loan-applicant 102", "QuarantinedShare loan_applications 0.05", "QuarantinedShare transactions 0.05",
    ])
    error_message = "Each group's freshness and each entity's quarantine has an alarm."
  }

  assert {
    condition     = length(coalesce(aws_cloudwatch_metric_alarm.this["gate-failed"].dimensions, {})) == 0 && aws_cloudwatch_metric_alarm.this["gate-failed"].threshold == 0
    error_message = "One failed gate is one too many, whatever the entity."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["alerts-unsent"].dimensions["door"] == "stream"
    error_message = "The stream door says how many alerts SNS did not take."
  }
}

run "watches_both_doors_for_what_their_rules_cannot_see" {
  command = plan

  assert {
    condition     = toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.dimensions["door"] if coalesce(alarm.metric_name, "none") == "unread_traffic"]) == toset(["api", "stream"])
    error_message = "A door whose rules are silent on traffic is heard of."
  }
}

run "watches_bursts_of_blocked_payments" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["blocks-burst"].metric_name == "blocked"
      && aws_cloudwatch_metric_alarm.this["blocks-burst"].dimensions["door"] == "stream"
      && aws_cloudwatch_metric_alarm.this["blocks-burst"].statistic == "Sum"
      && aws_cloudwatch_metric_alarm.this["blocks-burst"].threshold > 0
    )
    error_message = "One blocked payment is a day's work, many within a minute are an event."
  }
}

run "tells_over_an_encrypted_topic" {
  command = plan

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.key.arn
    error_message = "Alarms are encrypted by the platform's key."
  }
}

run "shows_all_on_one_page_without_overlap" {
  command = plan

  assert {
    condition     = length(distinct([for w in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${w.x}/${w.y}"])) == length(local.widgets)
    error_message = "Every widget has its own place."
  }
}

run "believes_no_single_minute_of_what_passes" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["api-slow"].evaluation_periods == 5 && aws_cloudwatch_metric_alarm.this["api-slow"].datapoints_to_alarm == 3
    error_message = "A cold start must wake nobody."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["stream-gave-up"].evaluation_periods == 1
    error_message = "What was given up is heard of at once."
  }
}

run "tells_who_subscribes_and_of_what_did_not_happen" {
  command = plan

  variables {
    heartbeats  = { night_hours = 26, payments_hours = 1 }
    subscribers = ["team@example.com"]
  }

  assert {
    condition     = aws_sns_topic_subscription.alarms["team@example.com"].protocol == "email"
    error_message = "An alarm that nobody hears is none."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.heartbeat["night-missing"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.heartbeat["night-missing"].evaluation_periods == 26
    error_message = "A night that never starts is a failure."
  }
}

run "says_of_each_alarm_where_it_is_told_what_to_do" {
  command = plan

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : strcontains(alarm.alarm_description, "Runbook: docs/runbooks/")])
    error_message = "Whoever is called finds the page."
  }

  assert {
    condition     = endswith(aws_cloudwatch_metric_alarm.this["stream-gave-up"].alarm_description, "docs/runbooks/replay-the-dead-letter-queue.md")
    error_message = "Payments that were given up come back by the runbook of the dead-letter queue."
  }
}

run "rings_where_a_trail_tells_that_a_key_is_taken_away_and_promises_it_nowhere_else" {
  command = plan

  variables {
    key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000", told_of = true }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["key-going"].metric_name == "KeysTakenAway" && aws_cloudwatch_metric_alarm.this["key-going"].threshold == 0
    error_message = "The first sign is the best one."
  }
}

run "has_no_alarm_that_nothing_could_ring" {
  command = plan

  assert {
    condition     = !contains(keys(aws_cloudwatch_metric_alarm.this), "key-going")
    error_message = "Without a trail nobody hears of it."
  }
}
