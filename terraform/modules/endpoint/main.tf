# The endpoint begins with a bootstrap model, so that the first apply of an empty account ends. From the first approval on
# the release owns which configuration serves.
#
# Model and configuration are made once and never replaced. The archive's key changes with the code, but what Terraform
# would make anew does not reach the endpoint, which is the release's, and what it would destroy may serve: SageMaker
# keeps an endpoint going whose configuration is gone, and undoes every later update of it.

locals {
  serverless = var.serving.serverless_memory_mb != null
  scales     = !local.serverless && var.serving.most_instances > var.serving.instances
}

resource "aws_sagemaker_model" "bootstrap" {
  name               = "${var.name}-bootstrap"
  execution_role_arn = var.role_arn

  # It runs code from its archive: it reaches nothing but who asks it. Serverless endpoints take no such model.
  enable_network_isolation = var.serving.serverless_memory_mb == null

  # Nor a network. Where both stand, SageMaker itself fetches the archive through the network; the container has none.
  dynamic "vpc_config" {
    for_each = local.serverless ? [] : var.network[*]

    content {
      security_group_ids = vpc_config.value.security_group_ids
      subnets            = vpc_config.value.subnet_ids
    }
  }

  primary_container {
    image          = var.image
    model_data_url = var.model_data_url
  }

  lifecycle {
    ignore_changes = [name, enable_network_isolation, execution_role_arn, primary_container, vpc_config]
  }
}

resource "aws_sagemaker_endpoint_configuration" "bootstrap" {
  name_prefix = "${var.name}-bootstrap-"
  kms_key_arn = local.serverless ? null : var.kms_key_arn

  production_variants {
    variant_name           = "champion"
    model_name             = aws_sagemaker_model.bootstrap.name
    initial_instance_count = local.serverless ? null : var.serving.instances
    instance_type          = local.serverless ? null : var.serving.instance_type

    dynamic "serverless_config" {
      for_each = var.serving.serverless_memory_mb[*]

      content {
        max_concurrency   = 5
        memory_size_in_mb = serverless_config.value
      }
    }
  }

  lifecycle {
    ignore_changes = [kms_key_arn, production_variants]
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = var.name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.bootstrap.name

  lifecycle {
    ignore_changes = [endpoint_config_name, deployment_config] # a release may bring guardrails of its own
  }
}

# By requests an instance: a model takes milliseconds, and the door waits.
resource "aws_appautoscaling_target" "this" {
  count = local.scales ? 1 : 0

  min_capacity       = var.serving.instances
  max_capacity       = var.serving.most_instances
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/champion"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  service_namespace  = "sagemaker"
}

resource "aws_appautoscaling_policy" "this" {
  count = local.scales ? 1 : 0

  name               = "${var.name}-by-requests"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace

  target_tracking_scaling_policy_configuration {
    target_value       = 6000 # requests a minute: 100 a second leave room on one of these instances
    scale_in_cooldown  = 300
    scale_out_cooldown = 60

    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantInvocationsPerInstance"
    }
  }
}
