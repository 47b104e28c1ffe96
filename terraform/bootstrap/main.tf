# What must exist before the platform's root can be planned: where its state lives, where its code is uploaded to, and
# where its image is pushed. Applied once per account and environment; keeps its own small state beside it.

provider "aws" {
  region            = var.region
  s3_use_path_style = var.s3_use_path_style

  default_tags {
    tags = { project = "risk", environment = var.environment, stack = "bootstrap" }
  }
}

data "aws_caller_identity" "this" {}

locals {
  prefix  = "risk-${var.environment}"
  account = data.aws_caller_identity.this.account_id
  buckets = toset(["artifacts", "state"])
}

resource "aws_s3_bucket" "this" {
  for_each = local.buckets

  bucket        = "${local.prefix}-${each.key}-${local.account}"
  force_destroy = each.key == "artifacts"
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_ecr_repository" "ml" {
  name                 = "${local.prefix}-ml"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}
