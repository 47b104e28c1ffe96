# One feature group, online and offline. Features are added through UpdateFeatureGroup, never here: a changed definition would
# replace the group and lose what it knows, so Terraform is told to leave definitions alone.

resource "aws_sagemaker_feature_group" "this" {
  feature_group_name             = "${var.prefix}-${var.name}"
  record_identifier_feature_name = var.definition.identifier
  event_time_feature_name        = "event_time"
  role_arn                       = var.offline.role_arn

  dynamic "feature_definition" {
    for_each = var.definition.features

    content {
      feature_name = feature_definition.value.name
      feature_type = feature_definition.value.type
    }
  }

  online_store_config {
    enable_online_store = true

    security_config {
      kms_key_id = var.offline.kms_key_arn
    }

    # Counts from a record's event time, not from its writing: replayed history would be gone at once.
    dynamic "ttl_duration" {
      for_each = var.online_ttl_days[*]

      content {
        unit  = "Days"
        value = ttl_duration.value
      }
    }
  }

  offline_store_config {
    data_catalog_config {
      catalog    = "AwsDataCatalog"
      database   = var.offline.database
      table_name = replace(var.name, "-", "_")
    }

    s3_storage_config {
      s3_uri     = "s3://${var.offline.bucket}/feature-store/${var.name}/"
      kms_key_id = var.offline.kms_key_arn
    }
  }

  lifecycle {
    ignore_changes  = [feature_definition]
    prevent_destroy = true
  }
}
