# What the endpoint is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  image          = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
  serving        = { instance_type = "ml.c5.large", instances = 1, most_instances = 1 }
  kms_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  model_data_url = "s3://risk-dev-artifacts/models/bootstrap/1/model.tar.gz"
  name           = "risk-dev-fraud"
  role_arn       = "arn:aws:iam::111122223333:role/risk-dev-sagemaker"
}

run "serves_the_bootstrap_model_from_the_first_apply_on" {
  assert {
    condition     = aws_sagemaker_model.bootstrap.primary_container[0].model_data_url == var.model_data_url
    error_message = "An empty account begins with the bootstrap model."
  }
}

run "makes_what_may_serve_once_and_never_anew" {
  variables {
    image          = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:2"
    serving        = { instance_type = "ml.c5.xlarge", instances = 1, most_instances = 1 }
    model_data_url = "s3://risk-dev-artifacts/models/bootstrap/2/model.tar.gz"
    role_arn       = "arn:aws:iam::111122223333:role/risk-dev-another"
  }

  assert {
    condition = (
      aws_sagemaker_model.bootstrap.primary_container[0].model_data_url == "s3://risk-dev-artifacts/models/bootstrap/1/model.tar.gz"
      && endswith(aws_sagemaker_model.bootstrap.primary_container[0].image, ":1")
      && endswith(aws_sagemaker_model.bootstrap.execution_role_arn, "/risk-dev-sagemaker")
    )
    error_message = "SageMaker's models do not change: a changed one is a new one, and the one that may serve is destroyed."
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.bootstrap.production_variants[0].instance_type == "ml.c5.large"
    error_message = "So it is with configurations."
  }

  assert {
    condition     = aws_sagemaker_endpoint.this.endpoint_config_name == aws_sagemaker_endpoint_configuration.bootstrap.name
    error_message = "Terraform must not change what serves."
  }
}
