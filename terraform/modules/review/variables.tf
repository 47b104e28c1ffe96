variable "answers_table" {
  description = "What the API door has answered: payments that were called fraud are looked up there."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "api" {
  description = "The API of the decisions, which the cases' routes join; and who checks the tokens of routes that take some, with their scopes."
  type = object({
    id            = string
    execution_arn = string
    tokens        = optional(object({ authorizer_id = optional(string), scopes = map(list(string)) }), { scopes = {} })
  })
  nullable = false
}

variable "cases" {
  description = "The table of cases, and the topic that tells what was decided of a payment."
  type = object({
    table             = object({ name = string, arn = string })
    answers_topic_arn = string
  })
  nullable = false
}

variable "code" {
  description = "Packaged functions by name; the zips of `lambda/cases` and `lambda/intake` are used."
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
  description = "The merchants' stream, which payments that were called fraud are told to."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "lake" {
  description = "The lake's bucket and the key that encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = string })
  nullable    = false
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

variable "queue_arn" {
  description = "The queue of payments that a person must look at."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sqs:", var.queue_arn))
    error_message = "queue_arn must be an SQS queue's ARN, got \"${var.queue_arn}\"."
  }
}

variable "service" {
  description = "For how many minutes nobody else may take a case that somebody has claimed; within how many hours a case ought to be decided; and whether a schedule looks at how the cases stand."
  type        = object({ lock_minutes = number, hours = number, watched = bool })
  default     = { lock_minutes = 30, hours = 24, watched = true }
  nullable    = false

  validation {
    condition     = var.service.lock_minutes >= 1 && var.service.lock_minutes <= 1440 && floor(var.service.lock_minutes) == var.service.lock_minutes
    error_message = "service.lock_minutes must be a whole number of minutes, at most a day, got ${var.service.lock_minutes}."
  }

  validation {
    condition     = var.service.hours >= 1 && var.service.hours <= 720 && floor(var.service.hours) == var.service.hours
    error_message = "service.hours must be a whole number of hours, at most 30 days, got ${var.service.hours}."
  }
}
