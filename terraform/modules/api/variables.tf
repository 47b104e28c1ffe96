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
  description = "Packaged functions by name; the zips of the API's own functions are used."
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

variable "lake" {
  description = "The lake's bucket and the key that encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = string })
  nullable    = false
}

variable "lists_table_arn" {
  description = "The table of lists that rules look up."
  type        = string
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

  validation {
    condition     = alltrue([for name in ["LISTS_TABLE", "METRIC_NAMESPACE"] : contains(keys(var.scoring.environment), name)])
    error_message = "scoring.environment names LISTS_TABLE and METRIC_NAMESPACE: the lists door needs them, too."
  }
}

variable "stream" {
  description = "The payment stream, which decided payments are handed on to."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "throttle" {
  description = "Requests a second that the API takes, and how many at once above that."
  type        = object({ requests_per_second = number, burst = number })
  default     = { requests_per_second = 500, burst = 500 }
  nullable    = false
}
