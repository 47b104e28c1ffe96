variable "keep_data" {
  description = "Whether a deleted key can be brought back for thirty days instead of seven."
  type        = bool
  nullable    = false
}

variable "prefix" {
  description = "Beginning of the key's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,31}$", var.prefix))
    error_message = "prefix must be 3 to 32 lower-case letters, digits and hyphens, got \"${var.prefix}\"."
  }
}
