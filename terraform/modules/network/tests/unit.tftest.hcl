# What the network is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  cidr        = "10.20.0.0/20"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  prefix      = "risk-dev"
}

run "has_private_subnets_in_two_zones_and_no_way_out" {
  command = plan

  assert {
    condition     = length(aws_subnet.private) == 2 && length(distinct(aws_subnet.private[*].cidr_block)) == 2
    error_message = "A zone may fail."
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "REJECT"
    error_message = "What was refused is logged."
  }
}

run "lets_members_reach_services_and_nothing_else" {
  command = plan

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_egress_rule.gateways : rule.from_port == 443 && rule.to_port == 443])
    error_message = "Buckets and tables are called over TLS."
  }

  assert {
    condition     = length(setsubtract(["kinesis-streams", "sagemaker.runtime", "sagemaker.featurestore-runtime", "kms", "logs"], keys(aws_vpc_endpoint.interface))) == 0 && keys(aws_vpc_endpoint.gateway) == ["dynamodb", "s3"]
    error_message = "Without an endpoint a door cannot decide."
  }
}
