# The endpoint begins with a bootstrap model, so that the first apply of an empty account ends. From the first approval on
# the release owns which configuration serves.

resource "aws_sagemaker_model" "bootstrap" {
  name               = "${var.name}-bootstrap-${substr(sha1("${var.model_data_url}${var.image}"), 0, 8)}"
  execution_role_arn = var.role_arn

  primary_container {
    image          = var.image
    model_data_url = var.model_data_url
  }

  lifecycle {
    create_before_destroy = true
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
    create_before_destroy = true
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.bootstrap.name

  lifecycle {
    ignore_changes = [endpoint_config_name]
  }
}
