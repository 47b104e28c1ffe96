# What the endpoint is made of. The first run builds, the others look at what it has built.

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

run "serves_the_bootstrap_model_from_the_first_apply_on" {
  assert {
    condition     = aws_sagemaker_model.bootstrap.primary_container[0].model_data_url == var.model_data_url
    error_message = "An empty account begins with the bootstrap model."
  }

  # A configuration never changes: a new one needs a new name beside the old one.
  assert {
    condition     = aws_sagemaker_endpoint_configuration.bootstrap.name_prefix == "risk-dev-fraud-bootstrap-"
    error_message = "The configuration's name is not fixed."
  }
}

run "leaves_the_serving_configuration_to_the_release" {
  command = plan

  variables {
    instance_type = "ml.c5.xlarge"
  }

  assert {
    condition     = aws_sagemaker_endpoint.this.endpoint_config_name == run.serves_the_bootstrap_model_from_the_first_apply_on.release.endpoint_config
    error_message = "Terraform must not change what serves."
  }
}
