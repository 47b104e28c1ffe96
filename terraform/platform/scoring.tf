# What both doors need to score a payment: records of the feature store, the endpoint, the documents that decide.

locals {
  place     = "${var.region}:${local.account}"
  sagemaker = "arn:${data.aws_partition.this.partition}:sagemaker:${local.place}"

  records = {
    for group in concat(["account", "address-traffic", "customer", "device", "device-traffic", "merchant", "traffic"], var.declared_groups) : "${upper(replace(group, "-", "_"))}_GROUP" => {
      name = local.groups[group]
      arn  = "${local.sagemaker}:feature-group/${local.groups[group]}"
    }
  }

  # Of declared entities the names are known before the data stack has made them: a plan that was kept would lack them.
  declared  = { for group in var.declared_groups : group => "${local.prefix}-${group}" }
  groups    = merge(local.held.feature_groups.all, local.declared)
  published = merge(local.held.feature_groups.published, { for group, name in local.declared : group => name if !endswith("-${group}", "-traffic") })

  scoring = {
    environment = merge({ for variable, group in local.records : variable => group.name }, {
      ENDPOINT_NAME    = module.endpoint.name
      LAKE_BUCKET      = local.held.lake.name
      LISTS_TABLE      = local.held.lists.name
      METRIC_NAMESPACE = local.namespace
      POLICIES_TABLE   = module.release.tables["policies"].name
      RELEASES_TABLE   = module.release.tables["releases"].name
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
        actions   = ["dynamodb:BatchGetItem"]
        resources = [for table in values(module.release.tables) : table.arn]
      }
      ReadLists = {
        actions   = ["s3:GetObject"]
        resources = ["${local.held.lake.arn}/policies/fraud/lists/*"]
      }
      LookUpLists = {
        actions   = ["dynamodb:BatchGetItem"]
        resources = [local.held.lists.arn]
      }
      FindTerms = {
        actions   = ["s3:ListBucket"]
        resources = [local.held.lake.arn]
        only_if   = { "s3:prefix" = ["quality/terms/*"] }
      }
      ReadTerms = {
        actions   = ["s3:GetObject"]
        resources = ["${local.held.lake.arn}/quality/terms/current.json"]
      }
    }
  }
}
