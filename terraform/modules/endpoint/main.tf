# The endpoint begins with a bootstrap model, so that the first apply of an empty account ends. From the first approval on
# the release owns which configuration serves.
#
# Model and configuration are made once and never replaced. The archive's key changes with the code, but what Terraform
# would make anew does not reach the endpoint, which is the release's, and what it would destroy may serve: SageMaker
# keeps an endpoint going whose configuration is gone, and undoes every later update of it.

resource "aws_sagemaker_model" "bootstrap" {
  name               = "${var.name}-bootstrap"
  execution_role_arn = var.role_arn

  primary_container {
    image          = var.image
    model_data_url = var.model_data_url
  }

  lifecycle {
    ignore_changes = [name, execution_role_arn, primary_container]
  }
}

resource "aws_sagemaker_endpoint_configuration" "bootstrap" {
  name_prefix = "${var.name}-bootstrap-"

  production_variants {
    variant_name           = "champion"
    model_name             = aws_sagemaker_model.bootstrap.name
    initial_instance_count = 1
    instance_type          = var.instance_type
  }

  lifecycle {
    ignore_changes = [production_variants]
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.bootstrap.name

  lifecycle {
    ignore_changes = [endpoint_config_name]
  }
}
