variable "code" {
  description = "Packaged functions by name; the counter's zip is used."
  type = map(object({
    bucket             = string
    key                = string
    hash               = string
    layers             = list(string)
    concurrency        = optional(number, -1)
    log_retention_days = optional(number, 365)
    network            = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
    boundary_arn       = optional(string)
    provisioned        = optional(number, 0)
  }))
  nullable = false
}

variable "kms_key_arn" {
  description = "Key that encrypts stream, queue and logs."
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

variable "stream" {
  description = "The merchants' stream, and the queue of what the counter gives up."
  type        = object({ arn = string, failed_queue_arn = string })
  nullable    = false
}

variable "traffic_groups" {
  description = "Names of the feature groups that hold the traffic, by the variable that tells them to the counter."
  type        = map(string)
  nullable    = false
}
