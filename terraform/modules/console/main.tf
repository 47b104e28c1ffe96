# The console as a container: a load balancer asks people to sign in, and its security group is the only way to the
# container, which believes nobody but that balancer.

data "aws_region" "this" {}

locals {
  name = "${var.prefix}-console"
  port = 8501

  # What `console.signed_in` reads.
  sign_on = {
    signer       = aws_lb.this.arn
    issuer       = var.oidc.issuer
    client       = var.oidc.client_id
    groups_claim = var.oidc.groups_claim
    groups       = { for role, told in var.roles : role => told.group }
    arns         = { for role, told in var.roles : role => told.arn if told.arn != null }
  }

  environment = {
    AWS_REGION                             = data.aws_region.this.name
    CONSOLE_HOSTS                          = var.served_as.hostname
    CONSOLE_OUTPUTS                        = var.outputs
    CONSOLE_SIGN_ON                        = jsonencode(local.sign_on)
    STREAMLIT_CLIENT_DISABLE_DATA_EXPORT   = tostring(!var.served_as.export)
    STREAMLIT_BROWSER_GATHER_USAGE_STATS   = "false"
    STREAMLIT_SERVER_FILE_WATCHER_TYPE     = "none"
    STREAMLIT_CLIENT_TOOLBAR_MODE          = "viewer"
    STREAMLIT_CLIENT_SHOW_ERROR_DETAILS    = "none"
    STREAMLIT_SERVER_ENABLE_STATIC_SERVING = "false"
  }
}

# Images, `make console-image` pushes them.
resource "aws_ecr_repository" "this" {
  name                 = local.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/ecs/${local.name}"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arn
}

# What the pages read by: whoever is signed in sees the same. What somebody does is done in a role of their own.
module "role" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = local.name
  description  = "The console: reads what its pages show, and takes the role of whoever is signed in for what they do"
  service      = "ecs-tasks"

  permissions = merge(var.reads, length(local.sign_on.arns) == 0 ? {} : {
    ActAsWhoIsSignedIn = {
      actions   = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]
      resources = values(local.sign_on.arns)
    }
  })
}

module "start" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${local.name}-start"
  description  = "What starts the console's container: its image and its log"
  service      = "ecs-tasks"

  permissions = {
    EnterRegistry = {
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"]
    }
    PullImage = {
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [aws_ecr_repository.this.arn]
    }
    Log = {
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
    }
  }
}

resource "aws_ecs_cluster" "this" {
  name = local.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 1024
  memory                   = 4096
  task_role_arn            = module.role.arn
  execution_role_arn       = module.start.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  # The one place that can be written to: models that are opened, and the certificate of this start.
  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = "console"
    image                  = var.image_digest == null ? "${aws_ecr_repository.this.repository_url}:none" : "${aws_ecr_repository.this.repository_url}@${var.image_digest}"
    essential              = true
    readonlyRootFilesystem = true
    user                   = "1000:1000"
    environment            = [for name, value in local.environment : { name = name, value = value }]
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    portMappings           = [{ containerPort = local.port, protocol = "tcp" }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.this.name
        awslogs-stream-prefix = "console"
      }
    }
  }])
}

# Until an image is named nothing runs. One task: a page's state is its server's.
resource "aws_ecs_service" "this" {
  name             = local.name
  cluster          = aws_ecs_cluster.this.id
  task_definition  = aws_ecs_task_definition.this.arn
  desired_count    = var.image_digest == null ? 0 : 1
  launch_type      = "FARGATE"
  platform_version = "LATEST"

  health_check_grace_period_seconds = 120

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "console"
    container_port   = local.port
  }

  network_configuration {
    subnets          = var.network.subnet_ids
    security_groups  = [aws_security_group.container.id]
    assign_public_ip = false
  }

  depends_on = [aws_lb_listener.this]
}
