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

  artifacts     = { bucket = "risk-dev-artifacts", arn = "arn:aws:s3:::risk-dev-artifacts" }
  definitions   = "./tests/definitions"
  image         = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/risk-dev-ml:1"
  instance_type = "ml.m5.large"
  namespace     = "Risk"
  prefix        = "risk-dev"
  problems      = ["fraud"]
}

run "fills_in_every_place_that_a_rendered_pipeline_leaves_open" {
  assert {
    condition = jsondecode(aws_sagemaker_pipeline.this["fraud"].pipeline_definition) == {
      group    = "risk-dev-fraud"
      image    = var.image
      input    = "s3://risk-dev-lake-111122223333/gold/"
      code     = "s3://risk-dev-artifacts/training/code.tar.gz"
      instance = "ml.m5.large"
      role     = aws_iam_role.execution.arn
      text     = "a line\nand ml-m5-xlarge, which is no instance"
    }
    error_message = "The definition is ${aws_sagemaker_pipeline.this["fraud"].pipeline_definition}"
  }
}

run "passes_its_role_to_sagemaker_only_and_writes_results_only" {
  command = plan

  assert {
    condition = alltrue([
      for s in data.aws_iam_policy_document.execution.statement :
      one(s.condition).variable == "iam:PassedToService" && s.resources == toset(["arn:aws:iam::111122223333:role/risk-dev-sagemaker"])
      if contains(s.actions, "iam:PassRole")
    ])
    error_message = "The role passes itself, and to SageMaker only."
  }

  assert {
    condition = toset(flatten([for s in data.aws_iam_policy_document.execution.statement : s.resources if contains(s.actions, "s3:PutObject")])) == toset([
      for zone in ["training", "predictions", "monitoring"] : "arn:aws:s3:::risk-dev-lake-111122223333/${zone}/*"
    ])
    error_message = "Jobs write training sets, predictions and reports."
  }

  assert {
    condition = alltrue([
      for s in data.aws_iam_policy_document.execution.statement :
      length(s.condition) == 1 || s.actions == toset(["ecr:GetAuthorizationToken"]) if contains(s.resources, "*")
    ])
    error_message = "What knows no resources is bound by a condition, except a registry's token."
  }
}
