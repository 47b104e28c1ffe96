variable "access_logs" {
  description = "Bucket that gets the log of who accessed the lake."
  type        = string
  nullable    = false
}

variable "keep_data" {
  description = "Refuse to destroy the bucket while it holds data."
  type        = bool
  nullable    = false
}

variable "name" {
  description = "Bucket name. Used as is."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must be 3-63 characters of a-z, 0-9 and hyphen, got \"${var.name}\"."
  }
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "trail" {
  description = "Whether the environment's own trail (`modules/trail`) may use the key."
  type        = bool
  default     = false
  nullable    = false
}
