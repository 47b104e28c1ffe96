# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  image          = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
  instance_type  = "ml.c5.large"
  model_data_url = "s3://risk-dev-artifacts/models/bootstrap/1/model.tar.gz"
  name           = "risk-dev-fraud"
  role_arn       = "arn:aws:iam::111122223333:role/risk-dev-sagemaker"
}

run "refuses_an_instance_type_of_another_service" {
  command = plan

  variables {
    instance_type = "c5.large"
  }

  expect_failures = [var.instance_type]
}

run "refuses_a_model_that_is_no_archive" {
  command = plan

  variables {
    model_data_url = "s3://risk-dev-artifacts/model.pkl"
  }

  expect_failures = [var.model_data_url]
}
