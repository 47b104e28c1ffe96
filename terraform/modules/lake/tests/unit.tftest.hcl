# What the lake is made of. The first run builds it, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  access_logs = "risk-dev-logs-111122223333"
  keep_data   = true
  name        = "risk-dev-lake-111122223333"
  prefix      = "risk-dev"
}

run "encrypts_every_object_with_its_own_key" {
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == aws_kms_key.this.arn
    error_message = "Objects must be encrypted by the lake's key."
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key must rotate."
  }
}

run "lets_no_object_become_public" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four blocks of public access must be on."
  }
}

run "answers_through_tls_only" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.effect == "Deny" && anytrue([for only in statement.condition : only.variable == "aws:SecureTransport" && only.values == tolist(["false"])])
    ])
    error_message = "The bucket's policy must deny what comes without TLS."
  }
}

run "lets_alarms_events_and_logs_use_the_key" {
  command = plan

  assert {
    condition = length(setsubtract(
      ["cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com", "logs.eu-west-1.amazonaws.com"],
      flatten([for statement in data.aws_iam_policy_document.key.statement : [for principal in statement.principals : principal.identifiers]]),
    )) == 0
    error_message = "What a service cannot encrypt, it drops silently: the key must name it."
  }
}

run "lets_no_trail_use_the_key_where_there_is_none" {
  command = plan

  assert {
    condition     = !contains(flatten([for statement in data.aws_iam_policy_document.key.statement : [for principal in statement.principals : principal.identifiers]]), "cloudtrail.amazonaws.com")
    error_message = "A trail is an option."
  }
}

run "lets_the_environments_own_trail_use_the_key_and_no_other" {
  command = plan

  variables {
    trail = true
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.key.statement : statement.sid => one([for only in statement.condition : "${only.variable} ${one(only.values)}"])
      if anytrue([for principal in statement.principals : contains(principal.identifiers, "cloudtrail.amazonaws.com")])
      } == {
      TrailEncrypts = "aws:SourceArn arn:aws:cloudtrail:eu-west-1:111122223333:trail/${var.prefix}-trail"
      TrailTells    = "kms:EncryptionContext:aws:sns:topicArn arn:aws:sns:eu-west-1:111122223333:${var.prefix}-trail"
    }
    error_message = "A trail of another account must not use this key."
  }
}

run "keeps_versions_and_drops_the_hidden_ones_after_a_month" {
  command = plan

  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled"
    error_message = "Versions must be kept."
  }

  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      length(rule.noncurrent_version_expiration) == 1 && length(rule.abort_incomplete_multipart_upload) == 1
    ])
    error_message = "Replaced versions and uploads that never ended must expire."
  }
}

run "never_lets_data_expire" {
  command = plan

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      contains(["athena", "tmp"], rule.id) || alltrue([for expiration in rule.expiration : coalesce(expiration.days, 0) == 0])
    ])
    error_message = "Only answers of queries and scratch files may expire."
  }
}

run "refuses_to_be_destroyed_while_it_keeps_data" {
  command = plan

  assert {
    condition     = !aws_s3_bucket.this.force_destroy && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "With keep_data the bucket must not be emptied, and its key must stay as long as possible."
  }
}

run "goes_with_its_data_when_told_so" {
  command = plan

  variables {
    keep_data = false
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy && aws_kms_key.this.deletion_window_in_days == 7
    error_message = "Without keep_data a destroy must leave nothing."
  }
}

run "lets_nobody_but_who_forgets_delete_what_came" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.effect == "Deny" && contains(statement.actions, "s3:DeleteObjectVersion") && contains(statement.actions, "s3:DeleteObject")
      && toset(statement.resources) == toset(["${aws_s3_bucket.this.arn}/raw/*", "${aws_s3_bucket.this.arn}/policies/*"])
      && alltrue([for condition in statement.condition : condition.test == "ArnNotLike" && alltrue([for role in condition.values : endswith(role, ":role/risk-dev-forget")])])
    ])
    error_message = "RAW and policies must stay: deletion is denied to everyone but the role of the job that forgets."
  }
}

run "writes_a_seal_once" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.effect == "Deny" && contains(statement.actions, "s3:PutObject") && alltrue([for resource in statement.resources : endswith(resource, "/seals/*")])
      && alltrue([for condition in statement.condition : condition.test == "Null" && condition.variable == "s3:if-none-match"])
    ])
    error_message = "Nobody replaces a seal."
  }
}

run "lets_only_the_release_write_what_was_released" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.effect == "Deny" && toset(statement.actions) == toset(["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]) && alltrue([for resource in statement.resources : endswith(resource, "/released/*")])
      && alltrue([for condition in statement.condition : condition.test == "ArnNotLike" && alltrue([for arn in condition.values : endswith(arn, ":role/risk-dev-release")])])
    ])
    error_message = "Nobody else changes an archive that was approved."
  }
}

run "keeps_what_decided" {
  command = plan

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.bucket.statement :
      statement.effect == "Deny" && statement.actions == toset(["s3:PutObject"]) && statement.resources == toset(["${aws_s3_bucket.this.arn}/policies/*"])
      && toset([for only in statement.condition : only.variable]) == toset(["aws:PrincipalArn", "s3:if-none-match"])
    ])
    error_message = "A policy that decided must be written once; only forgetting a customer takes anything out."
  }
}
