variable "kms_key_arn" {
  description = "Key that encrypts the queues of approvals."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be a KMS key ARN (arn:aws:kms:...), got \"${var.kms_key_arn}\"."
  }
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "problems" {
  description = "Problems that models are made for."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for problem in var.problems : can(regex("^[a-z]+$", problem))])
    error_message = "problems are named by one word in small letters, got ${join(", ", var.problems)}."
  }
}
