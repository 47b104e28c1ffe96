# What the trail is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  access_logs = "risk-dev-logs-111122223333"
  bucket      = { name = "risk-dev-trail-111122223333", keep = true }
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  namespace   = "RiskPlatform/dev"
  prefix      = "risk-dev"

  watched = {
    bucket_arns = ["arn:aws:s3:::risk-dev-lake-111122223333", "arn:aws:s3:::risk-dev-witness-111122223333"]
    table_arns  = ["arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers"]
  }
}

run "is_the_only_one_that_writes_there_and_tells_there" {
  assert {
    condition = alltrue([
      for statement in concat(data.aws_iam_policy_document.bucket.statement, data.aws_iam_policy_document.topic.statement) :
      anytrue([for only in statement.condition : only.variable == "aws:SourceArn" && only.values == tolist(["arn:aws:cloudtrail:eu-west-1:111122223333:trail/risk-dev-trail"])])
      if statement.effect != "Deny"
    ])
    error_message = "A trail of another account must neither fill this bucket nor speak in its name."
  }

  assert {
    condition     = { for statement in data.aws_iam_policy_document.bucket.statement : statement.sid => statement.resources if statement.sid == "TrailWrites" } == { TrailWrites = toset(["${aws_s3_bucket.this.arn}/AWSLogs/111122223333/*"]) }
    error_message = "It writes below its own account's folder."
  }
}

run "sees_every_change_and_each_object_and_item_of_the_platform" {
  command = plan

  assert {
    condition = [
      for selector in aws_cloudtrail.this.advanced_event_selector :
      one([for field in selector.field_selector : one(field.equals) if field.field == "eventCategory"])
    ] == ["Management", "Data", "Data"]
    error_message = "Changes, objects, items."
  }

  assert {
    condition = toset(flatten([
      for selector in aws_cloudtrail.this.advanced_event_selector : [for field in selector.field_selector : field.starts_with if field.field == "resources.ARN"]
      ])) == toset([
      "arn:aws:s3:::risk-dev-lake-111122223333/", "arn:aws:s3:::risk-dev-witness-111122223333/",
      "arn:aws:dynamodb:eu-west-1:111122223333:table/risk-dev-answers",
    ])
    error_message = "What is paid for by the event is the platform's own, and no bucket that is named like it."
  }

  assert {
    condition     = aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.include_global_service_events
    error_message = "Who changes a role does it in another region."
  }
}

run "shows_whether_a_file_of_it_was_changed_or_is_missing" {
  command = plan

  assert {
    condition     = aws_cloudtrail.this.enable_log_file_validation && aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Evidence that can be changed unseen is none."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "Nor is evidence that goes with the next destroy."
  }
}

run "goes_with_its_environment_when_told_so" {
  command = plan

  variables {
    bucket = { name = "risk-dev-trail-111122223333", keep = false }
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy
    error_message = "Without keep the bucket must be emptied."
  }
}

run "encrypts_files_log_and_topic_by_the_customers_key" {
  command = plan

  assert {
    condition     = toset([aws_cloudtrail.this.kms_key_id, aws_cloudwatch_log_group.this.kms_key_id, aws_sns_topic.this.kms_master_key_id]) == toset([var.kms_key_arn])
    error_message = "Who may read the lake is no secret of AWS's key."
  }
}

run "writes_one_log_and_does_nothing_else" {
  command = plan

  assert {
    condition     = join(" ", keys(module.role.permissions)) == "Log" && toset(module.role.permissions["Log"].actions) == toset(["logs:CreateLogStream", "logs:PutLogEvents"])
    error_message = "The trail's role is bounded by what it may do: its trust names CloudTrail alone."
  }
}

run "counts_keys_that_are_taken_away_where_the_watch_looks" {
  command = plan

  assert {
    condition     = one(aws_cloudwatch_log_metric_filter.keys.metric_transformation).name == "KeysTakenAway" && one(aws_cloudwatch_log_metric_filter.keys.metric_transformation).namespace == "RiskPlatform/dev"
    error_message = "modules/watch has an alarm on this metric."
  }

  assert {
    condition     = aws_cloudwatch_log_metric_filter.keys.log_group_name == aws_cloudwatch_log_group.this.name && alltrue([for event in ["ScheduleKeyDeletion", "DisableKey"] : strcontains(aws_cloudwatch_log_metric_filter.keys.pattern, event)])
    error_message = "Both make everything unreadable."
  }
}
