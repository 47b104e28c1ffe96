# What the console is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  image_digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
  kms_key_arn  = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  outputs      = "{\"prefix\":\"risk-dev\"}"
  prefix       = "risk-dev"
  reads        = { Ask = { actions = ["athena:GetQueryExecution"], resources = ["arn:aws:athena:eu-west-1:111122223333:workgroup/risk-dev"] } }
  served_as    = { hostname = "console.bank.example", certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/1", alarm_topic_arn = "arn:aws:sns:eu-west-1:111122223333:risk-dev-alarms" }

  network = {
    vpc_id             = "vpc-0a"
    subnet_ids         = ["subnet-0a", "subnet-0b"]
    reached_from       = ["10.0.0.0/8"]
    access_logs_bucket = "logs"
  }

  oidc = {
    issuer                 = "https://login.bank.example"
    authorization_endpoint = "https://login.bank.example/authorize"
    token_endpoint         = "https://login.bank.example/token"
    user_info_endpoint     = "https://login.bank.example/userinfo"
    client_id              = "console"
  }

  roles = {
    reader   = { group = "readers" }
    reviewer = { group = "reviewers", arn = "arn:aws:iam::111122223333:role/risk-dev-reviewer" }
  }
}

run "asks_everybody_to_sign_in_and_answers_through_tls_only" {
  assert {
    condition     = aws_lb_listener.this.protocol == "HTTPS" && aws_lb_listener.this.default_action[0].type == "authenticate-oidc" && aws_lb_listener.this.default_action[0].authenticate_oidc[0].on_unauthenticated_request == "authenticate" && aws_lb_listener.this.default_action[1].type == "forward"
    error_message = "Nobody passes who has not signed in."
  }

  assert {
    condition     = aws_lb.this.internal && aws_lb.this.drop_invalid_header_fields && startswith(aws_lb_listener.this.ssl_policy, "ELBSecurityPolicy-TLS13")
    error_message = "The balancer stands inside, and passes no header that is none."
  }

  assert {
    condition     = aws_lb_target_group.this.protocol == "HTTPS" && aws_lb_target_group.this.health_check[0].path == "/health"
    error_message = "What the balancer sends is encrypted, too."
  }
}

run "knows_no_secret" {
  assert {
    condition     = aws_lb_listener.this.default_action[0].authenticate_oidc[0].client_secret == "given-by-make-console-secret"
    error_message = "Plans and states hold what is not secret."
  }
}

run "is_reached_by_its_load_balancer_alone" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.balancer.security_group_id == aws_security_group.container.id && aws_vpc_security_group_ingress_rule.balancer.referenced_security_group_id == aws_security_group.balancer.id && aws_vpc_security_group_ingress_rule.balancer.from_port == 8501 && aws_vpc_security_group_ingress_rule.balancer.to_port == 8501
    error_message = "The container takes connections of the balancer."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.people : rule.cidr_ipv4]) == toset(["10.0.0.0/8"]) && alltrue([for rule in aws_vpc_security_group_ingress_rule.people : rule.from_port == 443 && rule.to_port == 443])
    error_message = "The balancer takes connections from where people are."
  }

  assert {
    condition     = !aws_ecs_service.this.network_configuration[0].assign_public_ip
    error_message = "The container has no address of the internet."
  }
}

run "believes_its_own_load_balancer_and_is_told_the_groups" {
  assert {
    condition = jsondecode(one([for told in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : told.value if told.name == "CONSOLE_SIGN_ON"])) == {
      signer       = aws_lb.this.arn
      issuer       = "https://login.bank.example"
      client       = "console"
      groups_claim = "groups"
      groups       = { reader = "readers", reviewer = "reviewers" }
      arns         = { reviewer = "arn:aws:iam::111122223333:role/risk-dev-reviewer" }
    }
    error_message = "A token of another balancer is none."
  }
}

run "reads_by_its_own_role_and_acts_by_those_of_people" {
  assert {
    condition     = toset(keys(module.role.permissions)) == toset(["ActAsWhoIsSignedIn", "Ask"]) && module.role.permissions["ActAsWhoIsSignedIn"].resources == tolist(["arn:aws:iam::111122223333:role/risk-dev-reviewer"])
    error_message = "The console's role reads, and takes the roles that it was given."
  }

  assert {
    condition     = toset(keys(module.start.permissions)) == toset(["EnterRegistry", "Log", "PullImage"])
    error_message = "What starts the container reads nothing of the platform."
  }
}

run "writes_to_a_place_of_its_own_and_as_nobody" {
  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && jsondecode(aws_ecs_task_definition.this.container_definitions)[0].user == "1000:1000"
    error_message = "What runs in the container changes nothing of it."
  }

  assert {
    condition     = endswith(jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image, var.image_digest) && aws_ecs_service.this.desired_count == 1
    error_message = "What runs is named by its content."
  }
}

run "runs_nothing_until_an_image_is_named" {
  variables {
    image_digest = null
  }

  assert {
    condition     = aws_ecs_service.this.desired_count == 0
    error_message = "There is nothing to run."
  }
}

run "rings_where_nobody_can_look" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.down[0].metric_name == "HealthyHostCount" && aws_cloudwatch_metric_alarm.down[0].treat_missing_data == "breaching"
    error_message = "A container that is gone is counted nowhere."
  }

  assert {
    condition     = toset([for query in aws_cloudwatch_metric_alarm.fails[0].metric_query : one(query.metric).metric_name if length(query.metric) > 0]) == toset(["HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count"])
    error_message = "A balancer that answers for its container fails, too."
  }

  assert {
    condition     = alltrue([for alarm in [aws_cloudwatch_metric_alarm.down[0], aws_cloudwatch_metric_alarm.fails[0]] : alarm.alarm_actions == toset([var.served_as.alarm_topic_arn]) && strcontains(alarm.alarm_description, "docs/runbooks/the-console-is-down.md")])
    error_message = "Whoever is called finds what to do."
  }
}

run "is_silent_before_there_is_an_image" {
  command = plan

  variables {
    image_digest = null
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.down) == 0 && length(aws_cloudwatch_metric_alarm.fails) == 0
    error_message = "What is not there yet does not fail."
  }
}

run "says_by_which_group_it_takes_a_role" {
  command = plan

  assert {
    condition     = toset(module.role.permissions["ActAsWhoIsSignedIn"].actions) == toset(["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"])
    error_message = "Roles of people ask for a name that stays, and for the group."
  }
}
