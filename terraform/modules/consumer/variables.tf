variable "answers" {
  description = "What the API door has answered: its table, customers' tails, and the key that signs what is handed on."
  type = object({
    table           = object({ name = string, arn = string })
    tails           = object({ name = string, arn = string })
    signing_key_arn = string
  })
  nullable = false
}

variable "code" {
  description = "Packaged functions by name; the consumer's zip is used."
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

variable "counter_stream" {
  description = "The merchants' stream, which decided payments are told to."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "customer_group_arn" {
  description = "The feature group that the consumer moves on with each payment."
  type        = string
  nullable    = false
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

variable "scoring" {
  description = "What both doors need to score a payment: environment variables and permissions."
  type = object({
    environment = map(string)
    permissions = map(object({ actions = list(string), resources = list(string) }))
  })
  nullable = false
}

variable "stream" {
  description = "The payment stream and the queue of what is given up; whether the consumer has 2 MB a second of each shard for itself (`enhanced_fan_out`); and where a new mapping begins: TRIM_HORIZON, the oldest record, or LATEST, which may miss what arrives while the mapping is made."
  type = object({
    arn              = string
    failed_queue_arn = string
    enhanced_fan_out = bool
    read_from        = string
  })
  nullable = false

  validation {
    condition     = contains(["TRIM_HORIZON", "LATEST"], var.stream.read_from)
    error_message = "stream.read_from must be TRIM_HORIZON or LATEST, got ${var.stream.read_from}."
  }
}

variable "topics" {
  description = "SNS topics: `alerts` for blocked payments, `reviews` for those that a person must look at."
  type        = object({ alerts = string, reviews = string })
  nullable    = false
}
