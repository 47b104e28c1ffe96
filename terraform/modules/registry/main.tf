# The registry: one group of model versions per problem. Versions are what was trained, evaluated and approved.

resource "aws_sagemaker_model_package_group" "this" {
  for_each = var.problems

  model_package_group_name        = "${var.prefix}-${each.key}"
  model_package_group_description = "Versions of the ${each.key} model"

  lifecycle {
    prevent_destroy = true
  }
}
