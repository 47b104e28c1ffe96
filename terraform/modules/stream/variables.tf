variable "failed" {
  description = "The queue of what was given up: its name, and for how many seconds a message stays."
  type        = object({ name = string, retention_seconds = number })
  nullable    = false

  validation {
    condition     = var.failed.retention_seconds >= 60 && var.failed.retention_seconds <= 1209600
    error_message = "failed.retention_seconds must be between 60 and 1209600, got ${var.failed.retention_seconds}."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts stream and queue."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be a KMS key ARN (arn:aws:kms:...), got \"${var.kms_key_arn}\"."
  }
}

variable "name" {
  description = "Name of the stream."
  type        = string
  nullable    = false
}

variable "retention_hours" {
  description = "How long a record can be read."
  type        = number
  nullable    = false

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours must be between 24 and 8760, got ${var.retention_hours}."
  }
}

variable "shards" {
  description = "Shards, each of which takes 1,000 records a second; null lets the stream grow and shrink on demand."
  type        = number
  nullable    = true

  validation {
    condition     = try(var.shards >= 1 && var.shards <= 500, var.shards == null)
    error_message = "shards must be null or between 1 and 500, got ${coalesce(var.shards, -1)}."
  }
}
