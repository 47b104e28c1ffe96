# One Lambda function: its zip, its role, its log group.

resource "aws_lambda_function" "this" {
  function_name    = var.name
  description      = var.description
  role             = module.role.arn
  runtime          = "python3.13"
  architectures    = ["arm64"]
  handler          = var.handler
  s3_bucket        = var.code.bucket
  s3_key           = var.code.key
  source_code_hash = var.code.hash
  layers           = var.code.layers
  memory_size      = var.memory_mb
  timeout          = var.timeout_seconds
  kms_key_arn      = var.kms_key_arn

  # None is reserved unless it is asked for: a new account has little to reserve, and refuses.
  reserved_concurrent_executions = var.code.concurrency

  publish = var.code.provisioned > 0 # instances wait for a version's calls, never for those of what may change

  dynamic "vpc_config" {
    for_each = var.code.network[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tracing_config {
    mode = "Active"
  }

  environment {
    variables = var.environment
  }

  depends_on = [aws_cloudwatch_log_group.this]
}

# Whoever calls the alias meets an instance that waits; without such instances there is none.
resource "aws_lambda_alias" "this" {
  count = var.code.provisioned > 0 ? 1 : 0

  name             = "provisioned"
  description      = "The version whose instances wait for calls"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_provisioned_concurrency_config" "this" {
  count = var.code.provisioned > 0 ? 1 : 0

  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = aws_lambda_alias.this[0].name
  provisioned_concurrent_executions = var.code.provisioned
}

# Declared first: a group that Lambda makes by itself never expires.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.code.log_retention_days
  kms_key_id        = var.kms_key_arn
}

locals {
  # Network interfaces have no name of ours.
  attaches = {
    AttachToNetwork = {
      actions   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"]
      resources = ["*"]
    }
  }
}

module "role" {
  source = "../role"

  boundary_arn = var.code.boundary_arn
  name         = var.name
  description  = var.description
  service      = "lambda"

  permissions = merge(var.permissions, var.code.network == null ? {} : local.attaches, {
    # The environment, before the code begins, and whatever the function reads: it is all under this key.
    Decrypt = {
      actions   = ["kms:Decrypt"]
      resources = [var.kms_key_arn]
    }
    Trace = {
      actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources = ["*"]
    }
    Log = {
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
    }
  })
}
