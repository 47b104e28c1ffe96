# The doors write decisions all day; the crawler makes their new days known to Athena. RAW is crawled to show what came.
#
# A table that is declared is crawled as what it is, a table: a crawl of its folder would make of it what it takes the files
# for. RAW has no tables but the crawler's own.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  place = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  glue  = "arn:${data.aws_partition.this.partition}:glue:${local.place}"
  logs  = "arn:${data.aws_partition.this.partition}:logs:${local.place}"

  crawlers = {
    decisions = { database = "decisions", prefix = "decisions/", tables = ["decisions"], schema = "LOG" }
    raw       = { database = "raw", prefix = "raw/", tables = [], schema = "UPDATE_IN_DATABASE" }
  }
}

resource "aws_glue_crawler" "this" {
  for_each = local.crawlers

  name          = "${var.prefix}-${each.key}"
  database_name = aws_glue_catalog_database.this[each.value.database].name
  role          = module.crawler.arn

  security_configuration = aws_glue_security_configuration.crawlers.name

  dynamic "s3_target" {
    for_each = length(each.value.tables) == 0 ? [each.value.prefix] : []

    content {
      path       = "s3://${var.lake.name}/${s3_target.value}"
      exclusions = ["columns.yaml"] # what is declared of all batches lies beside them, and is no table
    }
  }

  dynamic "catalog_target" {
    for_each = length(each.value.tables) == 0 ? [] : [each.value.tables]

    content {
      database_name = aws_glue_catalog_database.this[each.value.database].name
      tables        = catalog_target.value
    }
  }

  # A day has the columns of its table, also those that were declared after it.
  configuration = jsonencode({ Version = 1, CrawlerOutput = { Partitions = { AddOrUpdateBehavior = "InheritFromTable" } } })

  schema_change_policy {
    delete_behavior = "LOG"
    update_behavior = each.value.schema
  }

  depends_on = [aws_glue_catalog_table.this] # Glue looks for a target's tables at once
}

resource "aws_glue_security_configuration" "crawlers" {
  name = "${var.prefix}-crawlers"

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.lake.kms_key_arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = var.lake.kms_key_arn
    }

    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = var.lake.kms_key_arn
    }
  }
}

module "crawler" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-crawler"
  description  = "The crawlers, which make new days of decisions and new files of RAW known to Athena"
  service      = "glue"

  permissions = {
    ReadCrawledZones = {
      actions   = ["s3:GetObject"]
      resources = [for crawler in local.crawlers : "${var.lake.arn}/${crawler.prefix}*"]
    }
    ListLake = {
      actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
      resources = [var.lake.arn]
    }
    Decrypt = {
      actions   = ["kms:Decrypt"]
      resources = [var.lake.kms_key_arn]
    }
    WriteCatalog = {
      actions = [
        "glue:BatchCreatePartition", "glue:BatchGetPartition", "glue:CreatePartition", "glue:CreateTable",
        "glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:GetTables",
        "glue:UpdatePartition", "glue:UpdateTable",
      ]
      resources = ["${local.glue}:catalog", "${local.glue}:database/${var.database_prefix}_*", "${local.glue}:table/${var.database_prefix}_*"]
    }
    Log = {
      actions   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${local.logs}:log-group:/aws-glue/crawlers*"]
    }
  }
}
