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

  artifacts     = { bucket = "risk-dev-artifacts", arn = "arn:aws:s3:::risk-dev-artifacts", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-1111-1111-1111-111111111111" }
  code_key      = "training/code/1/code.tar.gz"
  definitions   = "./tests/definitions"
  image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
  instance_type = "ml.m5.large"
  namespace     = "Risk"
  prefix        = "risk-dev"
  problems = {
    fraud  = { learns_from = ["gold/transaction_features", "silver/fraud_labels"], served = true }
    credit = { learns_from = ["gold/loan_features", "silver/loan_outcomes"], served = false }
  }
}

run "fills_in_every_place_that_a_rendered_pipeline_leaves_open" {
  assert {
    condition = jsondecode(aws_sagemaker_pipeline.this["fraud"].pipeline_definition) == {
      group    = "risk-dev-fraud"
      image    = var.image
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
      ] if startswith(kind, "credit-") || kind == "score-set"
    ]))
    error_message = "Credit reads no payments."
  }
}

run "lets_a_served_model_read_its_archives_and_write_nothing" {
  command = plan

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
