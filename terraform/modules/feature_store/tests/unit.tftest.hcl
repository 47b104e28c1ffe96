# What the feature store is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  prefix = "risk-dev"

  groups = {
    loan-applicant = {
      identifier = "loan_id"
      features   = [{ name = "loan_id", type = "String" }, { name = "event_time", type = "String" }]
    }
  }
}

run "keeps_records_online_and_offline_in_the_lake" {
  assert {
    condition     = aws_sagemaker_feature_group.this["loan-applicant"].online_store_config[0].enable_online_store
    error_message = "The doors read records online."
  }

  assert {
    condition     = aws_sagemaker_feature_group.this["loan-applicant"].offline_store_config[0].s3_storage_config[0].s3_uri == "s3://risk-dev-lake-111122223333/feature-store/loan-applicant/"
    error_message = "Records lie below the lake's feature-store zone."
  }
}

run "keeps_tables_in_a_database_that_goes_with_it" {
  command = plan

  assert {
    condition     = aws_sagemaker_feature_group.this["loan-applicant"].offline_store_config[0].data_catalog_config[0].database == "risk_dev_feature_store"
    error_message = "SageMaker's default database would outlive the groups."
  }

  assert {
    condition     = !anytrue([for s in data.aws_iam_policy_document.this.statement : contains(s.resources, "*")])
    error_message = "The offline store's role is bound to the lake and its tables."
  }
}

run "keeps_online_records_unless_told_otherwise" {
  command = plan

  assert {
    condition     = length(aws_sagemaker_feature_group.this["loan-applicant"].online_store_config[0].ttl_duration) == 0
    error_message = "Replayed history lies further back than any time to live."
  }
}

run "lets_online_records_expire_when_told" {
  command = plan

  variables {
    online_ttl_days = 400
  }

  assert {
    condition     = one(aws_sagemaker_feature_group.this["loan-applicant"].online_store_config[0].ttl_duration) == { unit = "Days", value = 400 }
    error_message = "A record of somebody who is no customer any more goes by itself."
  }
}
