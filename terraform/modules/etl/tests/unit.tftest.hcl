# What the jobs are made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }
  code = {
    "glue/library"               = { key = "glue/library/1/risk_platform-0.1.0-py3-none-any.whl", hash = "" }
    "glue/wheels"                = { key = "glue/wheels/1/packages.gluewheels.zip", hash = "" }
    "glue/jobs/raw_to_bronze"    = { key = "glue/jobs/raw_to_bronze/1/raw_to_bronze.py", hash = "" }
    "glue/jobs/bronze_to_silver" = { key = "glue/jobs/bronze_to_silver/1/bronze_to_silver.py", hash = "" }
    "glue/jobs/silver_to_gold"   = { key = "glue/jobs/silver_to_gold/1/silver_to_gold.py", hash = "" }
    "glue/jobs/publish_features" = { key = "glue/jobs/publish_features/1/publish_features.py", hash = "" }
    "glue/jobs/forget_customer"  = { key = "glue/jobs/forget_customer/1/forget_customer.py", hash = "" }
    "glue/jobs/check_parity"     = { key = "glue/jobs/check_parity/1/check_parity.py", hash = "" }
  }

  artifacts       = { bucket = "risk-dev-artifacts", arn = "arn:aws:s3:::risk-dev-artifacts", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111" }
  database_prefix = "risk_dev"
  feature_groups  = { account = "risk-dev-account", customer = "risk-dev-customer", device = "risk-dev-device", merchant = "risk-dev-merchant", loan-applicant = "risk-dev-loan-applicant" }
  namespace       = "Risk"
  prefix          = "risk-dev"
}

# Roles whose ARNs differ: mocks give every role the same.
override_resource {
  target = module.forget.aws_iam_role.this
  values = { arn = "arn:aws:iam::111122223333:role/risk-dev-forget" }
}

run "runs_every_job_on_glue_5_1_with_a_time_limit" {
  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.glue_version == "5.1" && job.timeout <= 120])
    error_message = "A job without a version or a limit takes Glue's defaults, which change and cost."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : strcontains(job.default_arguments["--additional-python-modules"], "s3://risk-dev-artifacts/glue/library/1/")])
    error_message = "A job gets the packaged library."
  }

  assert {
    condition = alltrue([
      for job in aws_glue_job.this : alltrue([for module in split(",", job.default_arguments["--additional-python-modules"]) : startswith(module, "s3://")]) && strcontains(job.default_arguments["--additional-python-modules"], "s3://risk-dev-artifacts/glue/wheels/1/packages.gluewheels.zip") && job.default_arguments["--python-modules-installer-option"] == "--no-index"
    ])
    error_message = "A job brings its packages along and fetches none from an index."
  }

  assert {
    condition     = aws_glue_job.this["publish_features"].default_arguments["--loan_applicant_group"] == "risk-dev-loan-applicant"
    error_message = "The publishing job knows its feature groups."
  }

  assert {
    condition     = !contains(keys(aws_glue_job.this["publish_features"].default_arguments), "--further_groups")
    error_message = "Nobody has declared an entity."
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : job.default_arguments["--namespace"] == "Risk"])
    error_message = "Every job may measure, and knows where."
  }
}

run "tells_the_publishing_job_of_declared_entities" {
  command = plan

  variables {
    feature_groups = { account = "risk-dev-account", card = "risk-dev-card", customer = "risk-dev-customer", device = "risk-dev-device", merchant = "risk-dev-merchant", loan-applicant = "risk-dev-loan-applicant", street-of-payment = "risk-dev-street-of-payment" }
  }

  assert {
    condition     = aws_glue_job.this["publish_features"].default_arguments["--further_groups"] == "card=risk-dev-card,street-of-payment=risk-dev-street-of-payment"
    error_message = "The night publishes their records, too."
  }

  assert {
    condition     = contains(module.role.permissions.PublishFeatures.resources, "${local.sagemaker}:feature-group/risk-dev-card")
    error_message = "And may."
  }
}

run "lets_one_job_forget_and_no_other" {
  assert {
    condition     = [for name, job in aws_glue_job.this : name if job.role_arn == module.forget.arn] == ["forget_customer"]
    error_message = "Only the job that forgets has the role that may."
  }

  assert {
    condition     = aws_glue_job.this["forget_customer"].default_arguments["--groups"] == join(",", sort(values(var.feature_groups)))
    error_message = "The job knows every feature group, and asks each what identifies its records."
  }

  assert {
    condition     = !anytrue([for s in module.role.permissions : contains(s.actions, "s3:DeleteObjectVersion") || contains(s.actions, "sagemaker:DeleteRecord")])
    error_message = "No other job may delete for good."
  }
}

run "changes_no_raw_file_and_measures_in_its_namespace_only" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for s in module.role.permissions : [
        for r in s.resources : endswith(r, "/raw/door_payments/*") || !(strcontains(r, "/raw/") || endswith(r, ":::risk-dev-lake-111122223333/*"))
      ] if length(setintersection(s.actions, ["s3:PutObject", "s3:DeleteObject", "s3:*"])) > 0
    ]))
    error_message = "What others brought to RAW is never changed; only what the doors have met is brought."
  }

  assert {
    condition     = alltrue([for s in module.role.permissions : tolist(s.actions) == tolist(["s3:PutObject"]) if anytrue([for r in s.resources : endswith(r, "/raw/door_payments/*")])])
    error_message = "Nor is that deleted."
  }

  assert {
    condition = alltrue([
      for s in module.role.permissions : length(s.only_if) == 1 if contains(s.resources, "*")
    ])
    error_message = "What knows no resources is bound by a condition."
  }
}

run "runs_in_a_network_where_there_is_one" {
  command = plan

  variables {
    network = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"], zones = ["eu-west-1a", "eu-west-1b"] }
  }

  assert {
    condition     = alltrue([for job in aws_glue_job.this : length(job.connections) == 2]) && aws_glue_connection.network[1].physical_connection_requirements[0].subnet_id == "subnet-2"
    error_message = "Every job has a connection into each zone."
  }

  assert {
    condition     = contains(keys(module.role.permissions), "AttachToNetwork") && contains(keys(module.forget.permissions), "AttachToNetwork")
    error_message = "Whoever runs in a network may attach to it."
  }
}

run "keeps_the_logs_of_every_role_under_the_lakes_key_and_not_for_ever" {
  command = plan

  assert {
    condition = toset([for group in aws_cloudwatch_log_group.this : group.name]) == toset(flatten([
      for role in [module.role.name, module.forget.name] : [for kind in ["error", "output"] : "/aws-glue/jobs/${aws_glue_security_configuration.this.name}-role/${role}/${kind}"]
    ]))
    error_message = "The groups are those that Glue writes to."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 365 && group.kms_key_id == var.lake.kms_key_arn])
    error_message = "Logs expire, and lie under the lake's key."
  }
}
