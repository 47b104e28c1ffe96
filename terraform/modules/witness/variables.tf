variable "access_logs" {
  description = "Bucket that S3 writes the log of access to."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the copies."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be a KMS key ARN (arn:aws:kms:...), got \"${var.kms_key_arn}\"."
  }
}

variable "lock" {
  description = "How long nobody deletes a copy, and how strictly: GOVERNANCE can be lifted by changing the bucket's policy first, COMPLIANCE by nobody, the account's root included."
  type        = object({ mode = string, days = number })
  nullable    = false

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.lock.mode)
    error_message = "lock.mode must be GOVERNANCE or COMPLIANCE, got \"${var.lock.mode}\"."
  }

  validation {
    condition     = var.lock.days >= 1 && var.lock.days <= 36500 && floor(var.lock.days) == var.lock.days
    error_message = "lock.days must be a whole number from 1 to 36500, got ${var.lock.days}."
  }
}

variable "name" {
  description = "Name of the bucket."
  type        = string
  nullable    = false
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}
