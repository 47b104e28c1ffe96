# The load balancer: inside the network, HTTPS only, and nobody passes who has not signed in.

resource "aws_lb" "this" {
  name                       = local.name
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.network.subnet_ids
  security_groups            = [aws_security_group.balancer.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.network.protected

  access_logs {
    bucket  = var.network.access_logs_bucket
    prefix  = local.name
    enabled = true
  }
}

# The container makes a certificate at each start, which the balancer encrypts by and does not look at.
resource "aws_lb_target_group" "this" {
  name        = local.name
  port        = local.port
  protocol    = "HTTPS"
  target_type = "ip"
  vpc_id      = var.network.vpc_id

  health_check {
    path     = "/health"
    protocol = "HTTPS"
    matcher  = "200"
  }

  stickiness {
    type            = "lb_cookie"
    cookie_duration = 28800
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.served_as.certificate_arn

  default_action {
    type  = "authenticate-oidc"
    order = 1

    authenticate_oidc {
      issuer                     = var.oidc.issuer
      authorization_endpoint     = var.oidc.authorization_endpoint
      token_endpoint             = var.oidc.token_endpoint
      user_info_endpoint         = var.oidc.user_info_endpoint
      client_id                  = var.oidc.client_id
      scope                      = var.oidc.scope
      on_unauthenticated_request = "authenticate"
      session_timeout            = 28800

      # No secret: plans and states hold none. `make console-secret` gives the balancer the real one, which AWS tells
      # nobody; whoever signs in before that, or after these settings have changed, is refused by the provider.
      client_secret = "given-by-make-console-secret"
    }
  }

  default_action {
    type             = "forward"
    order            = 2
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_security_group" "balancer" {
  name        = "${local.name}-balancer"
  description = "Who may reach the console, and where its load balancer goes"
  vpc_id      = var.network.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "people" {
  for_each = toset(var.network.reached_from)

  security_group_id = aws_security_group.balancer.id
  description       = "People's browsers"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.key
}

resource "aws_vpc_security_group_egress_rule" "container" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "The console"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  referenced_security_group_id = aws_security_group.container.id
}

# AWS gives the provider's address no name that a group could hold.
resource "aws_vpc_security_group_egress_rule" "provider" {
  security_group_id = aws_security_group.balancer.id
  description       = "The provider that signs people in: token and user info"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_security_group" "container" {
  name        = "${local.name}-container"
  description = "The console: reached by its load balancer alone"
  vpc_id      = var.network.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  security_group_id            = aws_security_group.container.id
  description                  = "The load balancer"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  referenced_security_group_id = aws_security_group.balancer.id
}

resource "aws_vpc_security_group_egress_rule" "services" {
  security_group_id = aws_security_group.container.id
  description       = "AWS's services, the API, and the keys that load balancers sign with"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}
