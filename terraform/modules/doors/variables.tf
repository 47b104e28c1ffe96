variable "alert_topic_arn" {
  description = "SNS topic for blocked payments."
  type        = string
  nullable    = false
}

variable "artifacts_bucket" {
  description = "Bucket that holds the packaged code."
  type        = string
  nullable    = false
}

variable "code" {
  description = "Packaged artifacts by name; the zips of the doors and of the counter are used."
  type        = map(object({ key = string, hash = string }))
  nullable    = false
}

variable "endpoint_name" {
  description = "The fraud endpoint."
  type        = string
  nullable    = false
}

variable "enhanced_fan_out" {
  description = "Whether the stream door has 2 MB a second of every shard for itself, pushed to it, instead of sharing them with other readers."
  type        = bool
  default     = false
  nullable    = false
}

variable "feature_groups" {
  description = "Feature group names by short name."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["account", "customer", "merchant", "traffic"], keys(var.feature_groups))) == 0
    error_message = "feature_groups must have account, customer, merchant and traffic, got ${join(", ", keys(var.feature_groups))}."
  }
}

variable "lake" {
  description = "The lake's bucket and the key that encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = string })
  nullable    = false
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "read_from" {
  description = "Where a new mapping of the stream begins: TRIM_HORIZON, the oldest record, or LATEST, which may miss what arrives while the mapping is made."
  type        = string
  default     = "TRIM_HORIZON"
  nullable    = false
}

variable "release_parameter" {
  description = "SSM parameter with the current release and its policy."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.release_parameter, "/")
    error_message = "release_parameter must be a full name such as /risk-dev/fraud/release, got \"${var.release_parameter}\"."
  }
}

variable "shards" {
  description = "Shards of the payment stream, and of the merchants' stream."
  type        = number
  nullable    = false

  validation {
    condition     = var.shards >= 1 && var.shards <= 500
    error_message = "shards must be between 1 and 500, got ${var.shards}."
  }
}
