variable "environment" {
  description = "Name of the environment: local, dev or prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be 2-12 characters of a-z and 0-9, got \"${var.environment}\"."
  }
}

variable "region" {
  description = "AWS region of the platform."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

variable "s3_use_path_style" {
  description = "Address buckets by path, for endpoints without wildcard names."
  type        = bool
  default     = false
  nullable    = false
}
