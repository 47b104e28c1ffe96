variable "athena_workgroup" {
  description = "Workgroup that runs statements, and the database of predictions."
  type        = object({ name = string, arn = string, predictions_database = string })
  nullable    = false
}

variable "boundary_arn" {
  description = "Permissions boundary of every role but the seal's; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "crawlers" {
  description = "Crawlers that the night starts, by what they crawl."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for what in keys(var.crawlers) : can(regex("^[a-z]+$", what))])
    error_message = "crawlers are named by one word in small letters, got ${join(", ", keys(var.crawlers))}."
  }
}

variable "jobs" {
  description = "Glue job names by script."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["raw_to_bronze", "bronze_to_silver", "silver_to_gold", "publish_features", "check_parity"], keys(var.jobs))) == 0
    error_message = "jobs must have every job of the nightly run, got ${join(", ", keys(var.jobs))}."
  }
}

variable "lake" {
  description = "The lake's bucket and the key that encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = string })
  nullable    = false
}

variable "namespace" {
  description = "CloudWatch namespace of the platform's own metrics."
  type        = string
  nullable    = false
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "processing" {
  description = "How the machines' SageMaker jobs run: S3 URI of the training code, image, instance type, a role for each kind of job, the PSI from which on a column has drifted, and subnets and security groups, if they are to run in a network."
  type = object({
    code_uri      = string
    image         = string
    instance_type = string
    drift_psi     = optional(number, 0.25)
    network       = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
    roles         = object({ credit-watch = string, decide-loans = string, drift = string, fraud-watch = string, score-set = string })
  })
  nullable = false

  validation {
    condition     = startswith(var.processing.instance_type, "ml.")
    error_message = "processing.instance_type must be a SageMaker type such as ml.m5.xlarge, got \"${var.processing.instance_type}\"."
  }
}

variable "schedules" {
  description = "When each machine runs, in UTC, and whether schedules are enabled at all. Loans are scored by the month, and daily by the day."
  type        = object({ enabled = bool, nightly = string, drift = string, score-loans = string, score-loans-daily = optional(string, "cron(0 7 * * ? *)") })
  default = {
    enabled     = true
    nightly     = "cron(0 2 * * ? *)"
    drift       = "cron(0 5 * * ? *)"
    score-loans = "cron(0 6 1 * ? *)"

    score-loans-daily = "cron(0 7 * * ? *)"
  }
  nullable = false

  validation {
    condition     = alltrue([for machine, when in var.schedules : can(regex("^(cron|rate|at)\\(.+\\)$", when)) if machine != "enabled"])
    error_message = "schedules must be cron(...), rate(...) or at(...)."
  }
}

variable "seal" {
  description = "The zip of the seal and its layers, and the bucket that keeps locked copies of seals; null for none."
  type = object({
    code = object({
      bucket             = string
      key                = string
      hash               = string
      layers             = list(string)
      concurrency        = optional(number, -1)
      log_retention_days = optional(number, 365)
      network            = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
      boundary_arn       = optional(string)
      provisioned        = optional(number, 0)
    })
    witness = optional(object({ name = string, arn = string }))
  })
  nullable = false
}
