# What the module refuses.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  image          = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
  serving        = { instance_type = "ml.c5.large", instances = 1, most_instances = 1 }
  kms_key_arn    = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  model_data_url = "s3://risk-dev-artifacts/models/bootstrap/1/model.tar.gz"
  name           = "risk-dev-fraud"
  role_arn       = "arn:aws:iam::111122223333:role/risk-dev-sagemaker"
}

run "refuses_an_instance_type_of_another_service" {
  command = plan

  variables {
    serving = { instance_type = "c5.large", instances = 1, most_instances = 1 }
  }

  expect_failures = [var.serving]
}

run "refuses_a_model_that_is_no_archive" {
  command = plan

  variables {
    model_data_url = "s3://risk-dev-artifacts/model.pkl"
  }

  expect_failures = [var.model_data_url]
}

run "refuses_a_key_that_is_no_arn" {
  command = plan

  variables {
    kms_key_arn = "alias/aws/sagemaker"
  }

  expect_failures = [var.kms_key_arn]
}

run "costs_nothing_while_nobody_asks_where_it_is_serverless" {
  command = plan

  variables {
    serving = { instance_type = "ml.c5.large", instances = 1, most_instances = 1, serverless_memory_mb = 2048 }
  }

  assert {
    condition     = aws_sagemaker_endpoint_configuration.bootstrap.production_variants[0].serverless_config[0].memory_size_in_mb == 2048 && aws_sagemaker_endpoint_configuration.bootstrap.kms_key_arn == null
    error_message = "Serverless takes memory, and no instances' key."
  }

  assert {
    condition     = !aws_sagemaker_model.bootstrap.enable_network_isolation && length(aws_appautoscaling_target.this) == 0
    error_message = "Serverless takes no isolated model, and scales by itself."
  }
}

run "scales_between_two_numbers_of_instances" {
  command = plan

  variables {
    serving = { instance_type = "ml.c5.large", instances = 2, most_instances = 6 }
  }

  assert {
    condition     = aws_appautoscaling_target.this[0].min_capacity == 2 && aws_appautoscaling_target.this[0].max_capacity == 6
    error_message = "More payments get more instances."
  }
}

run "reaches_nothing_and_is_encrypted" {
  command = plan

  assert {
    condition     = aws_sagemaker_model.bootstrap.enable_network_isolation && aws_sagemaker_endpoint_configuration.bootstrap.kms_key_arn == var.kms_key_arn
    error_message = "An archive's code has no network, and its volumes are encrypted."
  }
}

run "runs_in_the_network_that_there_is_and_reaches_nothing_of_it" {
  command = plan

  variables {
    network = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = toset(aws_sagemaker_model.bootstrap.vpc_config[0].subnets) == toset(["subnet-1", "subnet-2"]) && aws_sagemaker_model.bootstrap.enable_network_isolation
    error_message = "The archive comes through the network, of which the container has none."
  }
}

run "joins_no_network_where_there_is_none" {
  command = plan

  assert {
    condition     = length(aws_sagemaker_model.bootstrap.vpc_config) == 0
    error_message = "A network is an option."
  }
}

run "joins_no_network_where_it_is_serverless" {
  command = plan

  variables {
    network = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    serving = { instance_type = "ml.c5.large", instances = 1, most_instances = 1, serverless_memory_mb = 2048 }
  }

  assert {
    condition     = length(aws_sagemaker_model.bootstrap.vpc_config) == 0
    error_message = "SageMaker refuses a serverless endpoint such a model."
  }
}
