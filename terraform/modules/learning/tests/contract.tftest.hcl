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

  artifacts   = { bucket = "risk-dev-artifacts", arn = "arn:aws:s3:::risk-dev-artifacts", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111" }
  code_key    = "training/code/1/code.tar.gz"
  definitions = "./tests/definitions"
  namespace   = "Risk"
  prefix      = "risk-dev"
  runs_on     = { image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1", instance_type = "ml.m5.large" }
  problems = {
    fraud  = { learns_from = ["gold/transaction_features", "silver/fraud_labels"], served = true }
    credit = { learns_from = ["gold/loan_features", "silver/loan_outcomes"], served = false }
  }
}

run "refuses_an_instance_type_of_another_service" {
  command = plan

  variables {
    runs_on = { image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1", instance_type = "m5.large" }
  }

  expect_failures = [var.runs_on]
}

run "refuses_a_problem_that_sagemaker_cannot_name" {
  command = plan

  variables {
    problems = { credit_risk = { learns_from = [], served = false } }
  }

  expect_failures = [var.problems]
}
