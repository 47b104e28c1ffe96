variable "code" {
  description = "The function's zip: bucket, key and base64 SHA-256; the layers it imports from; and how it runs: reserved concurrency (-1 for none), days that its log is kept, subnets and security groups, if it is to run in a network, its role's permissions boundary, if there is one, and how many instances wait for calls (0 for none)."
  type = object({
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
  nullable = false
}

variable "description" {
  description = "What the function does, in a sentence."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "Environment variables; no secrets."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "handler" {
  description = "Entry point, such as decide.handler.handle."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_]+\\.handler\\.handle$", var.handler))
    error_message = "handler must be <package>.handler.handle, got \"${var.handler}\"."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts environment and log group. Its policy must let CloudWatch Logs use it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be a KMS key ARN (arn:aws:kms:...), got \"${var.kms_key_arn}\"."
  }
}

variable "memory_mb" {
  description = "Memory in MB; CPU grows with it."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be between 128 and 10240, got ${var.memory_mb}."
  }
}

variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
  nullable    = false
}

variable "permissions" {
  description = "What the function may do beside logging: actions on resources, by statement id; `only_if` holds values by condition key."
  type = map(object({
    actions   = list(string)
    resources = list(string)
    only_if   = optional(map(list(string)), {})
  }))
  default  = {}
  nullable = false
}

variable "timeout_seconds" {
  description = "Longest run in seconds."
  type        = number
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "timeout_seconds must be between 1 and 900, got ${var.timeout_seconds}."
  }
}
