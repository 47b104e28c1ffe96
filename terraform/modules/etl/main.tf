# The Glue jobs that take RAW to GOLD and to the feature store. One role each would differ in nothing: they share one. The
# job that forgets a customer has its own, in forget.tf: no other may change RAW.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  place     = "${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  glue      = "arn:${data.aws_partition.this.partition}:glue:${local.place}"
  logs      = "arn:${data.aws_partition.this.partition}:logs:${local.place}"
  zones     = ["bronze", "silver", "gold", "quarantine", "quality", "tmp"]
  sagemaker = "arn:${data.aws_partition.this.partition}:sagemaker:${local.place}"

  # What every job needs to run at all.
  running = merge({ for sid, permission in local.attaches : sid => permission if var.network != null }, {
    ReadCode = {
      actions   = ["s3:GetObject"]
      resources = ["${var.artifacts.arn}/glue/*"]
    }
    DecryptCode = {
      actions   = ["kms:Decrypt"]
      resources = [var.artifacts.kms_key_arn]
    }
    UseKey = {
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
    Log = {
      actions   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${local.logs}:log-group:/aws-glue/*"]
    }
  })

  # Network interfaces have no name of ours.
  attaches = {
    AttachToNetwork = {
      actions = [
        "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcEndpoints",
      ]
      resources = ["*"]
    }
    TagInterfaces = {
      actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
      resources = ["arn:${data.aws_partition.this.partition}:ec2:${local.place}:network-interface/*"]
      only_if   = { "aws:TagKeys" = ["aws-glue-service-resource"] }
    }
    FindConnections = {
      actions   = ["glue:GetConnection"]
      resources = ["${local.glue}:catalog", "${local.glue}:connection/${var.prefix}-network-*"]
    }
  }

  # Arguments that a run does not choose.
  jobs = {
    raw_to_bronze    = {}
    bronze_to_silver = {}
    silver_to_gold   = {}
    check_parity     = {}
    forget_customer  = { "--groups" = join(",", sort(values(var.feature_groups))) }
    publish_features = {
      "--customer_group"       = var.feature_groups["customer"]
      "--merchant_group"       = var.feature_groups["merchant"]
      "--account_group"        = var.feature_groups["account"]
      "--device_group"         = var.feature_groups["device"]
      "--loan_applicant_group" = var.feature_groups["loan-applicant"]
    }
  }
}

# Of entities that a user has declared: the publishing job is told of them, where there are any.
locals {
  declared = [for group, name in var.feature_groups : "${group}=${name}" if !contains(["account", "customer", "device", "loan-applicant", "merchant"], group)]
  further  = { for job in ["publish_features"] : job => { "--further_groups" = join(",", local.declared) } if length(local.declared) > 0 }
}

resource "aws_glue_job" "this" {
  for_each = local.jobs

  name              = "${var.prefix}-${replace(each.key, "_", "-")}"
  role_arn          = each.key == "forget_customer" ? module.forget.arn : module.role.arn
  glue_version      = "5.1"
  worker_type       = var.workers.worker_type
  number_of_workers = var.workers.workers
  timeout           = var.workers.timeout_minutes # the default is eight hours of cost

  command {
    name            = "glueetl"
    script_location = "s3://${var.artifacts.bucket}/${var.code["glue/jobs/${each.key}"].key}"
    python_version  = "3"
  }

  default_arguments = merge({
    # Every package with what it needs comes from here: a job fetches nothing from an index, which a network would not reach.
    "--additional-python-modules"       = join(",", [for name in ["glue/wheels", "glue/library"] : "s3://${var.artifacts.bucket}/${var.code[name].key}"])
    "--python-modules-installer-option" = "--no-index"
    "--lake"                            = "s3://${var.lake.name}"
    "--database_prefix"                 = var.database_prefix
    "--namespace"                       = var.namespace
    "--enable-metrics"                  = "true"
    "--job-language"                    = "python"
    "--TempDir"                         = "s3://${var.lake.name}/tmp/"
  }, each.value, lookup(local.further, each.key, {}))

  security_configuration = aws_glue_security_configuration.this.name
  connections            = aws_glue_connection.network[*].name

  execution_property {
    max_concurrent_runs = 3
  }

  depends_on = [aws_cloudwatch_log_group.this]
}

# A job runs in one subnet; a second connection would be for another zone, and Glue takes the first that works.
resource "aws_glue_connection" "network" {
  count = var.network == null ? 0 : length(var.network.subnet_ids)

  name            = "${var.prefix}-network-${count.index + 1}"
  connection_type = "NETWORK"

  physical_connection_requirements {
    availability_zone      = var.network.zones[count.index]
    security_group_id_list = var.network.security_group_ids
    subnet_id              = var.network.subnet_ids[count.index]
  }
}

resource "aws_glue_security_configuration" "this" {
  name = "${var.prefix}-etl"

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

# Glue 5 names the groups of jobs with an encrypting security configuration so. Declared first: those that Glue makes by
# itself never expire, and stay when the jobs go.
resource "aws_cloudwatch_log_group" "this" {
  for_each = { for pair in setproduct(["${var.prefix}-etl", "${var.prefix}-forget"], ["error", "output"]) : join("/", pair) => pair }

  name              = "/aws-glue/jobs/${aws_glue_security_configuration.this.name}-role/${each.key}"
  retention_in_days = 365
  kms_key_id        = var.lake.kms_key_arn
}

module "role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-etl"
  description  = "The jobs that take RAW to GOLD and to the feature store"
  service      = "glue"

  permissions = merge(local.running, {
    ReadRaw = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/raw/*", "${var.lake.arn}/decisions/*", "${var.lake.arn}/late/*"]
    }
    # What the doors have met becomes RAW, too. Nobody else writes there, and not even this role deletes.
    BringDoorPayments = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/raw/door_payments/*"]
    }
    # S3A, which Glue 5.1 writes with, uploads in parts, and gives up what it does not commit.
    WriteLayers = {
      actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
      resources = [for zone in local.zones : "${var.lake.arn}/${zone}/*"]
    }
    # It asks whether a zone's name is an object before it makes a folder there, and before it reads one.
    SeeZones = {
      actions   = ["s3:GetObject"]
      resources = [for zone in concat(local.zones, ["late"]) : "${var.lake.arn}/${zone}"]
    }
    List = {
      actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
      resources = [var.artifacts.arn, var.lake.arn]
    }
    FindUploads = {
      actions   = ["s3:ListBucketMultipartUploads"]
      resources = [var.lake.arn]
    }
    RegisterPartitions = {
      actions = [
        "glue:BatchCreatePartition", "glue:BatchUpdatePartition", "glue:CreatePartition", "glue:DeletePartition",
        "glue:GetDatabase", "glue:GetPartitions", "glue:GetTable", "glue:UpdatePartition",
      ]
      resources = ["${local.glue}:catalog", "${local.glue}:database/${var.database_prefix}_*", "${local.glue}:table/${var.database_prefix}_*"]
    }
    PublishFeatures = {
      actions   = ["sagemaker:BatchWriteRecord", "sagemaker:PutRecord"]
      resources = [for name in values(var.feature_groups) : "${local.sagemaker}:feature-group/${name}"]
    }
    # PutMetricData knows no resources; the namespace is the only bound there is.
    Measure = {
      actions   = ["cloudwatch:PutMetricData"]
      resources = ["*"]
      only_if   = { "cloudwatch:namespace" = [var.namespace, "Glue"] }
    }
  })
}
