# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  artifacts     = { bucket = "risk-dev-artifacts", arn = "arn:aws:s3:::risk-dev-artifacts" }
  definitions   = "./tests/definitions"
  image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
  instance_type = "ml.m5.large"
  namespace     = "Risk"
  prefix        = "risk-dev"
  problems      = ["fraud"]
}

run "refuses_an_instance_type_of_another_service" {
  command = plan

  variables {
    instance_type = "m5.large"
  }

  expect_failures = [var.instance_type]
}

run "refuses_a_problem_that_sagemaker_cannot_name" {
  command = plan

  variables {
    problems = ["credit_risk"]
  }

  expect_failures = [var.problems]
}
