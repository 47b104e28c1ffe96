# The seal of the decision log: the night's last step on the day's decisions.

module "seal" {
  source = "../function"

  name            = "${var.prefix}-seal"
  description     = "Seals a day's decision log, so that a later change is found"
  handler         = "seal.handler.handle"
  kms_key_arn     = var.lake.kms_key_arn
  code            = var.seal.code
  memory_mb       = 1769 # one full vCPU: it hashes what it reads
  timeout_seconds = 900

  environment = merge({ LAKE_BUCKET = var.lake.name }, { for one in var.seal.witness[*] : "WITNESS_BUCKET" => one.name })

  permissions = merge({
    FindObjects = {
      actions   = ["s3:ListBucket"]
      resources = concat([var.lake.arn], var.seal.witness[*].arn)
    }
    ReadLog = {
      actions   = ["s3:GetObject"]
      resources = ["${var.lake.arn}/decisions/*", "${var.lake.arn}/seals/*"]
    }
    WriteSeals = {
      actions   = ["s3:PutObject"]
      resources = ["${var.lake.arn}/seals/*"]
    }
    Encrypt = {
      actions   = ["kms:GenerateDataKey"]
      resources = [var.lake.kms_key_arn]
    }
    }, { for one in var.seal.witness[*] : "TellWitness" => {
      actions   = ["s3:PutObject"]
      resources = ["${one.arn}/seals/*"]
    }
  })
}
