# What the learning is made of. The first run builds, the others look at what it has built.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  lake = {
    name        = "risk-dev-lake-111122223333"
    arn         = "arn:aws:s3:::risk-dev-lake-111122223333"
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  }

  artifacts   = { bucket = "risk-dev-artifacts", arn = "arn:aws:s3:::risk-dev-artifacts", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111" }
  code_key    = "training/code/1/code.tar.gz"
  definitions = "./tests/definitions"
  namespace   = "Risk"
  prefix      = "risk-dev"
  runs_on     = { image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1", instance_type = "ml.m5.large" }
  problems = {
    fraud  = { learns_from = ["gold/transaction_features", "silver/fraud_labels"], served = true }
    credit = { learns_from = ["gold/loan_features", "silver/loan_outcomes"], served = false }
  }
}

run "fills_in_every_place_that_a_rendered_pipeline_leaves_open" {
  assert {
    condition = jsondecode(aws_sagemaker_pipeline.this["fraud"].pipeline_definition).Steps[0].Arguments == {
      group    = "risk-dev-fraud"
      image    = var.runs_on.image
      input    = "s3://risk-dev-lake-111122223333/gold/"
      code     = "s3://risk-dev-artifacts/training/code/1/code.tar.gz"
      instance = "ml.m5.large"
      key      = var.lake.kms_key_arn
      role     = module.role["fraud-train"].arn
      text     = "a line\nand ml-m5-xlarge, which is no instance"
    }
    error_message = "The definition is ${aws_sagemaker_pipeline.this["fraud"].pipeline_definition}"
  }
}

run "says_nothing_of_a_network_where_there_is_none" {
  command = plan

  assert {
    condition     = alltrue([for pipeline in aws_sagemaker_pipeline.this : !can(regex("NetworkConfig|VpcConfig|NETWORK-", pipeline.pipeline_definition))])
    error_message = "A network is an option."
  }

  assert {
    condition     = !anytrue(flatten([for role in module.role : [for p in role.permissions : [for a in p.actions : startswith(a, "ec2:")]]]))
    error_message = "Nor does a role make interfaces in one."
  }

  assert {
    condition = jsondecode(aws_sagemaker_pipeline.this["fraud"].pipeline_definition) == {
      Steps = [
        { Type = "Processing", Arguments = jsondecode(aws_sagemaker_pipeline.this["fraud"].pipeline_definition).Steps[0].Arguments },
        { Type = "Training", Arguments = {} },
        { Type = "Condition", Arguments = { Conditions = [{ RightValue = 0.6 }], IfSteps = [], ElseSteps = [] } },
      ]
      Parameters   = [{ Name = "AsOf", Type = "String" }, { Name = "MinimumAuc", DefaultValue = 0.6 }]
      MlflowConfig = null
    }
    error_message = "All else stays as it was rendered: ${aws_sagemaker_pipeline.this["fraud"].pipeline_definition}"
  }
}

run "runs_every_job_in_the_network_that_there_is" {
  command = plan

  variables {
    runs_on = {
      image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
      instance_type = "ml.m5.large"
      network       = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    }
  }

  assert {
    condition = alltrue([
      for steps in [for pipeline in aws_sagemaker_pipeline.this : jsondecode(pipeline.pipeline_definition).Steps] :
      steps[0].Arguments.NetworkConfig.VpcConfig == { SecurityGroupIds = ["sg-1"], Subnets = ["subnet-1", "subnet-2"] } && steps[1].Arguments.VpcConfig == { SecurityGroupIds = ["sg-1"], Subnets = ["subnet-1", "subnet-2"] }
    ])
    error_message = "Both kinds of jobs name every subnet: ${aws_sagemaker_pipeline.this["fraud"].pipeline_definition}"
  }

  assert {
    condition = alltrue([
      for kind, role in module.role :
      toset(role.permissions["MakeInterfaces"].resources) == toset(concat(["arn:aws:ec2:eu-west-1:111122223333:network-interface/*"], [for name in ["subnet/subnet-1", "subnet/subnet-2", "security-group/sg-1"] : "arn:aws:ec2:eu-west-1:111122223333:${name}"])) if kind != "credit-api"
    ])
    error_message = "Interfaces are made in the platform's subnets and groups only."
  }

  assert {
    condition = alltrue([
      for kind, role in module.role :
      toset(role.permissions["LendInterfaces"].only_if["ec2:Subnet"]) == toset([for name in ["subnet-1", "subnet-2"] : "arn:aws:ec2:eu-west-1:111122223333:subnet/${name}"]) if kind != "credit-api"
    ])
    error_message = "No interface beyond them is lent or deleted."
  }

  assert {
    condition = alltrue([
      for kind, role in module.role : toset(flatten([for p in role.permissions : [for a in p.actions : a if startswith(a, "ec2:")]])) == toset([
        "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
      ]) if kind != "credit-api"
    ])
    error_message = "These are what SageMaker asks of a job's role in a network."
  }
}

run "lets_a_serverless_model_make_no_interface_for_it_joins_no_network" {
  command = plan

  variables {
    problems = {
      fraud  = { learns_from = ["gold/transaction_features", "silver/fraud_labels"], served = true, serverless = true }
      credit = { learns_from = ["gold/loan_features", "silver/loan_outcomes"], served = false }
    }

    runs_on = {
      image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
      instance_type = "ml.m5.large"
      network       = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
    }
  }

  assert {
    condition     = [for kind, role in module.role : kind if !contains(keys(role.permissions), "MakeInterfaces")] == ["credit-api", "fraud-model"]
    error_message = "Every other job does."
  }
}

run "passes_the_roles_of_its_own_steps_to_sagemaker_only" {
  command = plan

  assert {
    condition = alltrue([
      for pipeline in module.pipeline :
      one(pipeline.permissions["PassRolesToSteps"].only_if["iam:PassedToService"]) == "sagemaker.amazonaws.com" && length(pipeline.permissions["PassRolesToSteps"].resources) == 3
    ])
    error_message = "A pipeline passes three roles, and to SageMaker only."
  }

  assert {
    condition     = !anytrue(flatten([for pipeline in module.pipeline : [for p in pipeline.permissions : contains(p.actions, "s3:PutObject")]]))
    error_message = "A pipeline writes no data."
  }
}

run "keeps_credit_and_fraud_apart" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for kind, role in module.role : [
        for p in role.permissions : [for r in p.resources : !strcontains(r, "loan") && !strcontains(r, "/credit/")]
      ] if startswith(kind, "fraud-") || kind == "drift"
    ]))
    error_message = "Fraud reads no loans."
  }

  assert {
    condition = alltrue(flatten([
      for kind, role in module.role : [
        for p in role.permissions : [for r in p.resources : !strcontains(r, "transaction") && !strcontains(r, "/decisions") && !strcontains(r, "/raw")]
      ] if startswith(kind, "credit-") || contains(["decide-loans", "score-set"], kind)
    ]))
    error_message = "Credit reads no payments."
  }
}

run "lets_a_served_model_read_its_archives_and_write_nothing" {
  command = plan

  assert {
    condition     = toset(module.role["credit-api"].permissions["ReadLake"].resources) == toset(["arn:aws:s3:::risk-dev-lake-111122223333/released/credit/*"]) && !contains(keys(module.role["credit-api"].permissions), "WriteResults")
    error_message = "So does the endpoint that answers for single loans: it reaches neither scores nor decisions."
  }

  assert {
    condition     = module.role["decide-loans"].permissions["WriteResults"].resources == tolist(["arn:aws:s3:::risk-dev-lake-111122223333/predictions/credit_decisions/*"])
    error_message = "The job that decides on loans writes decisions and nothing else."
  }

  assert {
    condition     = toset(module.role["score-set"].permissions["ReadLake"].resources) == toset([for prefix in ["gold/loan_features", "predictions/daily_predictions", "released/credit"] : "arn:aws:s3:::risk-dev-lake-111122223333/${prefix}/*"])
    error_message = "The job that gathers loans reads which ones daily runs have scored, and no decision."
  }

  assert {
    condition     = toset(module.role["fraud-model"].permissions["ReadLake"].resources) == toset(["arn:aws:s3:::risk-dev-lake-111122223333/released/fraud/*"])
    error_message = "An endpoint runs code from its archive: it reads that and no more."
  }

  assert {
    condition = !anytrue(flatten([
      for role in module.role : [
        for p in role.permissions : [for r in p.resources : strcontains(r, "/released/") || endswith(r, ":::risk-dev-lake-111122223333/*")] if contains(p.actions, "s3:PutObject")
      ]
    ]))
    error_message = "Who trains does not write what was released."
  }

  assert {
    condition     = !contains(keys(module.role["fraud-model"].permissions), "WriteResults")
    error_message = "An endpoint writes nothing."
  }
}

run "drift_trains_anew_and_lets_nothing_serve" {
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.drift.event_pattern).detail == { alarmName = ["risk-dev-drift", "risk-dev-loans-drift"], state = { value = ["ALARM"] } }
    error_message = "The alarm is the policy, and it starts nothing when it is over."
  }

  assert {
    condition = alltrue([
      for states in [jsondecode(aws_sfn_state_machine.retrain.definition).States] :
      { for choice in states.Which.Choices : choice.StringEquals => states[choice.Next].Result } == { risk-dev-drift = "fraud", risk-dev-loans-drift = "credit" }
    ])
    error_message = "An alarm trains the problem that it is of, and no other."
  }

  assert {
    condition     = toset(flatten([for p in module.retrains.permissions : [for a in p.actions : a if startswith(a, "sagemaker:")]])) == toset(["sagemaker:StartPipelineExecution"])
    error_message = "What was trained waits for an approval."
  }

  assert {
    condition     = strcontains(jsondecode(aws_sfn_state_machine.retrain.definition).States.Train.Parameters["ClientRequestToken.$"], "$.current.Item.model_name.S")
    error_message = "A model that serves is trained anew once, however long it drifts."
  }

  assert {
    condition = alltrue([
      for states in [jsondecode(aws_sfn_state_machine.retrain.definition).States] :
      [for choice in states.Released.Choices : choice.Next] == ["TrainAlike", "Train"] && strcontains(states.TrainAlike.Parameters["PipelineParameters.$"], "$.current.Item.trained_with.S")
    ])
    error_message = "A model that serves is trained anew with what its training was told, where its release says so."
  }
}
