# What analysts ask: one file per view in views/ and per saved query in queries/. Its first line says what it answers; a
# view's next lines declare its columns, once for the catalog and for Athena.

locals {
  viewed = [
    "decisions.decisions", "gold.transaction_features", "predictions.credit_decisions", "predictions.loan_answers", "predictions.predictions",
    "quarantine.quarantine", "silver.fraud_labels", "silver.loan_applications", "silver.loan_outcomes", "silver.transactions",
  ]

  # The log may hold several decisions on a payment: the last one was applied. Athena prunes by the columns that it
  # partitions by; a payment's decisions all have its own day.
  last_decisions = join(" ", [
    "(SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY decision_date, transaction_id",
    "ORDER BY decided_at DESC, counted_at DESC, overtaken DESC) AS turn",
    "FROM ${aws_glue_catalog_database.this["decisions"].name}.decisions) WHERE turn = 1)",
  ])

  # What the files write as ${...}: a database by zone, the decisions that were applied, and the served vector as GOLD
  # stores it, in the model's order.
  names = merge(
    { for zone, database in aws_glue_catalog_database.this : zone => database.name },
    { last_decisions = local.last_decisions },
    { vector = "ARRAY[${join(", ", [for c in var.tables["gold.transaction_features"].columns : c.name if c.type == "double"])}]" },
  )

  hive_types = { bigint = "bigint", double = "double", varchar = "string" }

  texts = {
    for folder in ["views", "queries"] : folder => {
      for file in fileset("${path.module}/${folder}", "*.sql") :
      trimsuffix(file, ".sql") => templatefile("${path.module}/${folder}/${file}", local.names)
    }
  }

  views = {
    for name, text in local.texts["views"] : name => {
      comment = regex("^-- (.*)", text)[0]
      columns = [for column in regexall("(?m)^-- (\\w+) (bigint|double|varchar): (.*)$", text) : { name = column[0], type = column[1], comment = column[2] }]
      sql     = trimspace(replace(text, "/(?m)^-- .*\\n/", ""))
    }
  }
}

# Athena keeps a view as a table without files, its text as base64 of JSON: made here, it needs no query to exist.
resource "aws_glue_catalog_table" "view" {
  for_each = local.views

  name          = each.key
  description   = each.value.comment
  database_name = aws_glue_catalog_database.this["analytics"].name
  table_type    = "VIRTUAL_VIEW"
  parameters    = { presto_view = "true", comment = "Presto View" }

  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = each.value.sql
    catalog     = "awsdatacatalog"
    schema      = aws_glue_catalog_database.this["analytics"].name
    columns     = [for column in each.value.columns : { name = column.name, type = column.type }]
  }))} */"

  storage_descriptor {
    # Athena writes dashes for what a view has not.
    ser_de_info {
      name                  = "-"
      serialization_library = "-"
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name    = columns.value.name
        type    = local.hive_types[columns.value.type]
        comment = columns.value.comment
      }
    }
  }

  # A view is read through its tables.
  depends_on = [aws_glue_catalog_table.this]
}

resource "aws_athena_named_query" "this" {
  for_each = local.texts["queries"]

  name        = each.key
  description = regex("^-- (.*)", each.value)[0]
  workgroup   = aws_athena_workgroup.this.id
  database    = aws_glue_catalog_database.this["analytics"].name
  query       = trimspace(replace(each.value, "/(?m)^-- .*\\n/", ""))

  depends_on = [aws_glue_catalog_table.view]
}
