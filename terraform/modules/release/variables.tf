variable "approvals_queue_arn" {
  description = "Queue that approvals wait in."
  type        = string
  nullable    = false
}

variable "code" {
  description = "The function's zip, its layers and how it runs; its network, if it has one, is that of released models, too."
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

variable "guard" {
  description = "What guards a release: seconds that a canary serves, that both fleets stand afterwards, and between two looks; the model's longest 99th percentile in milliseconds, and the largest share of blocked decisions in percent; namespace of the platform's own metrics, and topic that alarms tell."
  type = object({
    canary_seconds       = number
    bake_seconds         = number
    poll_seconds         = number
    most_latency_ms      = number
    most_blocked_percent = number
    namespace            = string
    topic_arn            = string
  })
  nullable = false

  validation {
    condition     = alltrue([for seconds in [var.guard.canary_seconds, var.guard.bake_seconds] : seconds >= 0 && seconds <= 3600])
    error_message = "guard.canary_seconds and guard.bake_seconds must lie between 0 and 3600, as SageMaker takes them, got ${var.guard.canary_seconds} and ${var.guard.bake_seconds}."
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

variable "problems" {
  description = "Problems with a registry: whether an endpoint serves the model, the role that released models run as, and, where a serverless endpoint answers for single ones beside batches, the role that they run as there."
  type        = map(object({ served = bool, model_role_arn = string, api_role_arn = optional(string) }))
  nullable    = false
}

variable "serving" {
  description = "What the endpoint runs on: instances, between two numbers of which it scales, or, with a memory, serverless; and the memory of one that answers for single ones beside batches."
  type        = object({ instance_type = string, instances = number, most_instances = number, serverless_memory_mb = optional(number), asked_memory_mb = optional(number, 3072) })
  nullable    = false

  validation {
    condition     = startswith(var.serving.instance_type, "ml.")
    error_message = "serving.instance_type must be a SageMaker type such as ml.c5.large, got \"${var.serving.instance_type}\"."
  }
}

variable "shadow" {
  description = "How candidates score logged payments and decided loans: S3 URI of the training code, image, instance type, and the roles of both jobs."
  type        = object({ code_uri = string, image = string, instance_type = string, role_arn = string, loan_role_arn = string })
  nullable    = false
}
