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

  artifacts_bucket   = "risk-dev-artifacts"
  code               = { key = "lambda/release/1/release.zip", hash = "hash" }
  endpoint           = { model_name = "risk-dev-fraud-bootstrap", endpoint_config = "risk-dev-fraud-bootstrap-1" }
  execution_role_arn = "arn:aws:iam::111122223333:role/risk-dev-sagemaker"
  instance_type      = "ml.c5.large"
  prefix             = "risk-dev"
  problems           = { credit = { served = false }, fraud = { served = true } }
}

run "begins_with_a_release_that_blocks_nobody" {
  assert {
    condition     = jsondecode(aws_ssm_parameter.release["fraud"].value).model_name == "risk-dev-fraud-bootstrap"
    error_message = "The bootstrap model serves until one is approved."
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.release["fraud"].value).policy.block_at == 1
    error_message = "A model that knows nothing blocks nobody."
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.release["credit"].value).model_name == null
    error_message = "No credit model is approved at the beginning."
  }
}

run "listens_to_approvals_of_its_own_groups_only" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.approved.event_pattern).detail == { ModelPackageGroupName = ["risk-dev-credit", "risk-dev-fraud"], ModelApprovalStatus = ["Approved"] }
    error_message = "Other packages of the account are not ours."
  }
}
