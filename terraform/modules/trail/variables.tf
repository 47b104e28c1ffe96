variable "access_logs" {
  description = "Bucket that S3 writes the log of access to."
  type        = string
  nullable    = false
}

variable "boundary_arn" {
  description = "Permissions boundary of the role that writes the log; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "bucket" {
  description = "Name of the bucket for the trail's files, and whether it refuses to be destroyed while it holds some."
  type        = object({ name = string, keep = bool })
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket.name))
    error_message = "bucket.name must be 3-63 characters of a-z, 0-9 and hyphen, got \"${var.bucket.name}\"."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts files, log and topic. Its policy must let this trail use it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be a KMS key ARN (arn:aws:kms:...), got \"${var.kms_key_arn}\"."
  }
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

variable "watched" {
  description = "Buckets whose objects, and tables whose items, are looked after one by one: ARNs."
  type        = object({ bucket_arns = list(string), table_arns = list(string) })
  nullable    = false

  validation {
    condition     = length(var.watched.bucket_arns) > 0 && length(var.watched.table_arns) > 0
    error_message = "watched must name a bucket and a table: a selector of nothing would be one of everything in the account."
  }
}
