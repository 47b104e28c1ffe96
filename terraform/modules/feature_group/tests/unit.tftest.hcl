# What a feature group is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name    = "loan-applicant"
  offline = { bucket = "risk-dev-lake-111122223333", database = "risk_dev_feature_store", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000", role_arn = "arn:aws:iam::111122223333:role/risk-dev-feature-store" }
  prefix  = "risk-dev"

  definition = {
    identifier = "loan_id"
    features   = [{ name = "loan_id", type = "String" }, { name = "event_time", type = "String" }]
  }
}

run "keeps_records_online_and_offline_in_the_lake" {
  assert {
    condition     = aws_sagemaker_feature_group.this.online_store_config[0].enable_online_store
    error_message = "The doors read records online."
  }

  assert {
    condition     = aws_sagemaker_feature_group.this.offline_store_config[0].s3_storage_config[0].s3_uri == "s3://risk-dev-lake-111122223333/feature-store/loan-applicant/"
    error_message = "Records lie below the lake's feature-store zone."
  }
}

run "keeps_tables_in_a_database_that_goes_with_it" {
  command = plan

  assert {
    condition     = aws_sagemaker_feature_group.this.offline_store_config[0].data_catalog_config[0].database == "risk_dev_feature_store"
    error_message = "SageMaker's default database would outlive the groups."
  }
}

run "keeps_online_records_unless_told_otherwise" {
  command = plan

  assert {
    condition     = length(aws_sagemaker_feature_group.this.online_store_config[0].ttl_duration) == 0
    error_message = "Replayed history lies further back than any time to live."
  }
}

run "lets_online_records_expire_when_told" {
  command = plan

  variables {
    online_ttl_days = 400
  }

  assert {
    condition     = one(aws_sagemaker_feature_group.this.online_store_config[0].ttl_duration) == { unit = "Days", value = 400 }
    error_message = "A record of somebody who is no customer any more goes by itself."
  }
}
