# Forgetting a customer: the only role that may rewrite RAW and delete what versions keep. Nothing starts the job by itself.

module "forget" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-forget"
  description  = "The job that deletes a customer's data from every layer and its past"
  service      = "glue"

  permissions = merge(local.running, {
    RewriteEveryLayerAndItsPast = {
      actions = [
        "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject",
      ]
      resources = ["${var.lake.arn}/*"]
    }
    List = {
      actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"]
      resources = [var.artifacts.arn, var.lake.arn]
    }
    DeleteRecords = {
      actions   = ["sagemaker:DeleteRecord", "sagemaker:DescribeFeatureGroup", "sagemaker:GetRecord"]
      resources = [for name in values(var.feature_groups) : "${local.sagemaker}:feature-group/${name}"]
    }
    # Glue's own measures of the run.
    Measure = {
      actions   = ["cloudwatch:PutMetricData"]
      resources = ["*"]
      only_if   = { "cloudwatch:namespace" = ["Glue"] }
    }
  })
}
