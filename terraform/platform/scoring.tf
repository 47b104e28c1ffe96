# What both doors need to score a payment: records of the feature store, the endpoint, the release's policy.

locals {
  place     = "${var.region}:${local.account}"
  sagemaker = "arn:${data.aws_partition.this.partition}:sagemaker:${local.place}"
  ssm       = "arn:${data.aws_partition.this.partition}:ssm:${local.place}"

  records = {
    for group in ["account", "customer", "merchant", "traffic"] : "${upper(group)}_GROUP" => {
      name = local.held.feature_groups.all[group]
      arn  = "${local.sagemaker}:feature-group/${local.held.feature_groups.all[group]}"
    }
  }

  scoring = {
    environment = merge({ for variable, group in local.records : variable => group.name }, {
      ENDPOINT_NAME     = module.endpoint.name
      METRIC_NAMESPACE  = local.namespace
      RELEASE_PARAMETER = module.release.parameters["fraud"]
    })

    permissions = {
      ReadRecords = {
        actions   = ["sagemaker:BatchGetRecord"]
        resources = [for group in local.records : group.arn]
      }
      Score = {
        actions   = ["sagemaker:InvokeEndpoint"]
        resources = ["${local.sagemaker}:endpoint/${module.endpoint.name}"]
      }
      ReadPolicy = {
        actions   = ["ssm:GetParameter"]
        resources = ["${local.ssm}:parameter${module.release.parameters["fraud"]}"]
      }
    }
  }
}
