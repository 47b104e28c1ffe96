# The doors write decisions all day; the crawler makes their new days known to Athena. RAW is crawled to show what came.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  place = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  glue  = "arn:${data.aws_partition.this.partition}:glue:${local.place}"
  logs  = "arn:${data.aws_partition.this.partition}:logs:${local.place}"

  crawlers = {
    decisions = { database = "decisions", prefix = "decisions/", schema = "LOG" }
    raw       = { database = "raw", prefix = "raw/", schema = "UPDATE_IN_DATABASE" }
  }
}

resource "aws_glue_crawler" "this" {
  for_each = local.crawlers

  name          = "${var.prefix}-${each.key}"
  database_name = aws_glue_catalog_database.this[each.value.database].name
  role          = aws_iam_role.crawler.arn

  s3_target {
    path = "s3://${var.lake.name}/${each.value.prefix}"
  }

  # A day has the columns of its table, also those that were declared after it.
  configuration = jsonencode({ Version = 1, CrawlerOutput = { Partitions = { AddOrUpdateBehavior = "InheritFromTable" } } })

  schema_change_policy {
    delete_behavior = "LOG"
    update_behavior = each.value.schema
  }
}

resource "aws_iam_role" "crawler" {
  name               = "${var.prefix}-crawler"
  assume_role_policy = data.aws_iam_policy_document.crawler_trust.json
}

data "aws_iam_policy_document" "crawler_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "crawler" {
  statement {
    sid       = "ReadCrawledZones"
    actions   = ["s3:GetObject"]
    resources = [for crawler in local.crawlers : "${var.lake.arn}/${crawler.prefix}*"]
  }

  statement {
    sid       = "ListLake"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [var.lake.arn]
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [var.lake.kms_key_arn]
  }

  statement {
    sid = "WriteCatalog"
    actions = [
      "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable",
      "glue:GetPartition", "glue:GetPartitions", "glue:CreatePartition", "glue:BatchCreatePartition",
      "glue:BatchGetPartition", "glue:UpdatePartition",
    ]
    resources = ["${local.glue}:catalog", "${local.glue}:database/${var.database_prefix}_*", "${local.glue}:table/${var.database_prefix}_*"]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.logs}:log-group:/aws-glue/crawlers*"]
  }
}

resource "aws_iam_role_policy" "crawler" {
  name   = "crawl"
  role   = aws_iam_role.crawler.id
  policy = data.aws_iam_policy_document.crawler.json
}
