variable "account_ids" {
  description = "The account that the environment lives in, in a list of one. Credentials of another are refused."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.account_ids) == 1 && alltrue([for id in var.account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "account_ids must hold the 12 digits of the environment's account, got [${join(", ", var.account_ids)}]: write them into terraform/environments/<environment>/environment.tfvars.json."
  }
}

variable "audit_trail" {
  description = "A trail of the environment's own: who changed a resource, who read or wrote an object of the lake or an item of the tables. It costs by the event; an account that has an organisation's trail needs no second."
  type        = bool
  default     = false
  nullable    = false
}

variable "boundary_arn" {
  description = "ARN of the policy that bounds what any role of the environment may do, whatever its own policies say; null for none."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/boundary."
  }
}

variable "environment" {
  description = "Name of the environment: local, dev or prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be 2-12 characters of a-z and 0-9, got \"${var.environment}\"."
  }
}

variable "feature_groups" {
  description = "Feature groups as the feature declarations ask for them: identifier and typed features, by short name."
  type = map(object({
    identifier = string
    features   = list(object({ name = string, type = string }))
  }))
  nullable = false
}

variable "keep_data" {
  description = "Refuse to destroy what holds data."
  type        = bool
  default     = true
  nullable    = false
}

variable "online_ttl_days" {
  description = "Days after its newest event that an online record is kept; null keeps it, as replayed history needs."
  type        = number
  default     = null
  nullable    = true
}

variable "prefix" {
  description = "Beginning of every name, before the environment's."
  type        = string
  default     = "risk"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.prefix))
    error_message = "prefix must be 2-10 characters of a-z and 0-9, got \"${var.prefix}\": names of SageMaker's jobs have 63 characters, and it is part of each."
  }
}

variable "region" {
  description = "AWS region of the platform."
  type        = string
  nullable    = false
}

variable "s3_use_path_style" {
  description = "Address buckets by path, for endpoints without wildcard names."
  type        = bool
  default     = false
  nullable    = false
}

variable "shards" {
  description = "Shards of the payment stream and of the merchants' stream, each of which takes 1,000 payments a second; null lets both grow and shrink on demand."
  type        = number
  default     = 2
  nullable    = true

  validation {
    condition     = try(var.shards >= 1 && var.shards <= 500, var.shards == null)
    error_message = "shards must be null or between 1 and 500, got ${coalesce(var.shards, -1)}."
  }
}

variable "tables" {
  description = "The lake's tables as glue/tables.py declares them, by zone and name."
  type = map(object({
    zone       = string
    name       = string
    location   = string
    format     = string
    columns    = list(object({ name = string, type = string, comment = string }))
    partitions = list(object({ name = string, type = string, comment = string }))
  }))
  nullable = false
}

variable "witness" {
  description = "Locked copies of the decision log's seals: mode GOVERNANCE or COMPLIANCE, and for how many days; null for none. Wants keep_data: what is locked cannot be destroyed."
  type        = object({ mode = string, days = number })
  default     = null
  nullable    = true

  validation {
    condition     = var.witness == null || var.keep_data
    error_message = "witness wants keep_data = true: what is locked cannot be destroyed with the environment."
  }
}
