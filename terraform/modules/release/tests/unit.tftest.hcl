# What the release is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  approvals_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:risk-dev-release.fifo"
  code                = { bucket = "risk-dev-artifacts", key = "lambda/release/1/release.zip", hash = "hash", layers = [] }
  serving             = { instance_type = "ml.c5.large", instances = 1, most_instances = 1 }
  prefix              = "risk-dev"
  problems            = { credit = { served = false, model_role_arn = "arn:aws:iam::111122223333:role/risk-dev-credit-model" }, fraud = { served = true, model_role_arn = "arn:aws:iam::111122223333:role/risk-dev-fraud-model" } }
}

run "knows_the_tables_of_documents_and_never_an_item" {
  assert {
    condition     = keys(aws_dynamodb_table.documents) == ["policies", "releases"]
    error_message = "Two owners write the documents that decide: each has a table, and no writes to the other's."
  }

  assert {
    condition     = alltrue([for table in values(aws_dynamodb_table.documents) : one(table.server_side_encryption).kms_key_arn == var.lake.kms_key_arn])
    error_message = "Documents are encrypted by the lake's key."
  }
}

run "tells_released_models_of_no_network_where_there_is_none" {
  command = plan

  assert {
    condition     = module.function.environment["NETWORK"] == "null"
    error_message = "A network is an option."
  }
}

run "runs_released_models_in_the_network_that_there_is" {
  command = plan

  variables {
    code = {
      bucket  = "risk-dev-artifacts"
      key     = "lambda/release/1/release.zip"
      hash    = "hash"
      layers  = []
      network = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    }
  }

  assert {
    condition     = module.function.environment["NETWORK"] == jsonencode({ SecurityGroupIds = ["sg-1"], Subnets = ["subnet-1", "subnet-2"] })
    error_message = "As CreateModel takes it."
  }
}

run "takes_one_approval_at_a_time_and_lets_it_wait" {
  assert {
    condition     = aws_lambda_event_source_mapping.approvals.batch_size == 1 && contains(aws_lambda_event_source_mapping.approvals.function_response_types, "ReportBatchItemFailures")
    error_message = "An approval that waits is no error of the function, and does not come with another."
  }
}
