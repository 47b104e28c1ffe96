# A network without a way out: private subnets, and an endpoint for each service that what runs there calls. There is no
# gateway to the internet and no NAT.

data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  zones = [for letter in var.zones : "${data.aws_region.this.name}${letter}"]

  # By caller: doors (records, scores, alerts, payments), the release (models), jobs (catalog, records, metrics), and what
  # runs them: images, keys, logs, credentials, traces. What AWS calls for them, such as Athena or a queue, needs none.
  called = toset([
    "ecr.api", "ecr.dkr", "glue", "kinesis-streams", "kms", "logs", "monitoring", "sagemaker.api",
    "sagemaker.featurestore-runtime", "sagemaker.runtime", "sns", "sts", "xray",
  ])
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true # endpoints are found by the services' own names
  enable_dns_support   = true

  tags = { Name = var.prefix }
}

# Nothing is in it, and nothing gets in.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "private" {
  count = length(var.zones)

  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.cidr, 4, count.index)

  tags = { Name = "${var.prefix}-private-${count.index + 1}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.prefix}-private" }
}

resource "aws_route_table_association" "private" {
  count = length(var.zones)

  route_table_id = aws_route_table.private.id
  subnet_id      = aws_subnet.private[count.index].id
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["dynamodb", "s3"])

  vpc_id            = aws_vpc.this.id
  route_table_ids   = [aws_route_table.private.id]
  service_name      = "com.amazonaws.${data.aws_region.this.name}.${each.key}"
  vpc_endpoint_type = "Gateway"
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.called

  vpc_id              = aws_vpc.this.id
  private_dns_enabled = true
  security_group_ids  = [aws_security_group.members.id]
  service_name        = "com.amazonaws.${data.aws_region.this.name}.${each.key}"
  subnet_ids          = aws_subnet.private[*].id
  vpc_endpoint_type   = "Interface"
}

resource "aws_security_group" "members" {
  name        = "${var.prefix}-members"
  description = "Functions, jobs and the endpoints of services: they reach each other"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_egress_rule" "gateways" {
  for_each = aws_vpc_endpoint.gateway

  security_group_id = aws_security_group.members.id
  description       = "Members call ${each.key}"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = each.value.prefix_list_id
}

# Callers reach endpoints; workers of a Glue job speak to each other on any port, and Glue refuses a group that forbids it.
resource "aws_vpc_security_group_ingress_rule" "members" {
  security_group_id            = aws_security_group.members.id
  description                  = "Callers and endpoints, workers of one job"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.members.id
}

resource "aws_vpc_security_group_egress_rule" "members" {
  security_group_id            = aws_security_group.members.id
  description                  = "Callers and endpoints, workers of one job"
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.members.id
}

resource "aws_flow_log" "this" {
  vpc_id               = aws_vpc.this.id
  iam_role_arn         = module.flow_logs.arn
  log_destination      = aws_cloudwatch_log_group.flow.arn
  log_destination_type = "cloud-watch-logs"
  traffic_type         = "REJECT"
}

resource "aws_cloudwatch_log_group" "flow" {
  name              = "/aws/vpc/${var.prefix}-rejected"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arn
}

module "flow_logs" {
  source = "../role"

  boundary_arn = var.boundary_arn
  name         = "${var.prefix}-flow-logs"
  description  = "The network's log of what was refused"
  service      = "vpc-flow-logs"

  permissions = {
    Log = {
      actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.flow.arn}:*"]
    }
  }
}
