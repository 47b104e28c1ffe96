# What Athena knows of the lake: databases by zone, tables from the declarations, the analysts' workgroup.

locals {
  zones = toset([for table in var.tables : table.zone])

  # Quarantine needs no job to make its folders known: Athena knows the entities, and `stream` for what was no payment,
  # and reads all batches below them.
  projections = {
    "quarantine.quarantine" = {
      "projection.enabled"        = "true"
      "projection.entity.type"    = "enum"
      "projection.entity.values"  = join(",", sort(concat(["stream"], [for table in var.tables : table.name if table.zone == "silver"])))
      "storage.location.template" = "s3://${var.lake.name}/quarantine/$${entity}/"
    }

    # The loans' door writes an object for each decision.
    "predictions.loan_answers" = {
      "projection.enabled"    = "true"
      "projection.day.type"   = "date"
      "projection.day.format" = "yyyy-MM-dd"
      "projection.day.range"  = "2026-01-01,NOW+1DAYS"
    }
  }

  formats = {
    parquet = {
      input            = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
      output           = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
      serde            = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      serde_parameters = { "serialization.format" = "1" }
    }
    json = {
      input            = "org.apache.hadoop.mapred.TextInputFormat"
      output           = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
      serde            = "org.openx.data.jsonserde.JsonSerDe"
      serde_parameters = { "serialization.format" = "1" }
    }
    csv = {
      input  = "org.apache.hadoop.mapred.TextInputFormat"
      output = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
      # LazySimpleSerDe knows no quotes: an identifier with a comma would shift every cell behind it. A backslash is a
      # letter of an identifier, not the escape that the default takes it for; a control character is in none.
      serde            = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
      serde_parameters = { "separatorChar" = ",", "quoteChar" = "\"", "escapeChar" = "\u0001" }
    }
  }
}

resource "aws_glue_catalog_database" "this" {
  for_each = setunion(local.zones, ["raw", "analytics"])

  name        = "${var.database_prefix}_${each.key}"
  description = each.key == "analytics" ? "Views for analysts" : "Zone ${each.key} of the lake"
}

resource "aws_glue_catalog_table" "this" {
  for_each = var.tables

  name          = each.value.name
  database_name = aws_glue_catalog_database.this[each.value.zone].name
  table_type    = "EXTERNAL_TABLE"
  parameters    = merge({ EXTERNAL = "TRUE", classification = each.value.format }, lookup(local.projections, each.key, {}))

  storage_descriptor {
    location      = "s3://${var.lake.name}/${each.value.location}"
    input_format  = local.formats[each.value.format].input
    output_format = local.formats[each.value.format].output

    ser_de_info {
      serialization_library = local.formats[each.value.format].serde
      parameters            = local.formats[each.value.format].serde_parameters
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }

  dynamic "partition_keys" {
    for_each = each.value.partitions

    content {
      name    = partition_keys.value.name
      type    = partition_keys.value.type
      comment = partition_keys.value.comment
    }
  }

  # Jobs and crawlers add partitions and bookkeeping of their own.
  lifecycle {
    ignore_changes = [parameters]
  }
}

resource "aws_athena_workgroup" "this" {
  name          = var.prefix
  description   = "Analysts' queries over the lake"
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true

    result_configuration {
      output_location = "s3://${var.lake.name}/athena/"

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.lake.kms_key_arn
      }
    }
  }
}
