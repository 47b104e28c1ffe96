variable "entities" {
  description = "Kinds of rows that batches bring, as `transactions`; tables of vectors that the quality gate judges; and short names of the feature groups that the night publishes."
  type        = object({ brought = set(string), vectors = set(string), published = set(string) })
  nullable    = false
}

variable "functions" {
  description = "Lambda function names by short name; `stream` and `merchants` read streams."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["merchants", "stream"], keys(var.functions))) == 0
    error_message = "functions must have `merchants` and `stream`, got ${join(", ", keys(var.functions))}: how far they are behind is watched."
  }
}

variable "heartbeats" {
  description = "After how many hours without a successful night, and without a decided payment, somebody is told; null for never. They ring from the first hour on: name them when nights and payments have begun."
  type        = object({ night_hours = number, payments_hours = number })
  default     = { night_hours = null, payments_hours = null }
  nullable    = false

  validation {
    condition     = alltrue([for hours in values(var.heartbeats) : hours == null || try(hours >= 1 && hours <= 168, false)])
    error_message = "heartbeats must be null or between 1 and 168 hours: CloudWatch looks back over a week."
  }
}

variable "key" {
  description = "Key that encrypts the alarm topic, whose policy must let CloudWatch use it, and whether a trail tells of keys that are taken away."
  type        = object({ arn = string, told_of = optional(bool, false) })
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

variable "queues" {
  description = "The queues that approvals and reviews wait in, and those of what was given up: payments by the consumer, counts of them by `merchants`, approvals by the release, payments to review by the intake."
  type = object({
    approvals = string
    reviews   = string
    failed    = object({ stream = string, merchants = string, release = string, reviews = string })
  })
  nullable = false
}

variable "state_machines" {
  description = "State machine ARNs by short name."
  type        = map(string)
  nullable    = false
}

variable "subscribers" {
  description = "Addresses that are told of every alarm."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.subscribers : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "subscribers must be addresses such as team@example.com, got ${join(", ", var.subscribers)}."
  }
}

variable "thresholds" {
  description = "From where on something is wrong: the API's 99th percentile in milliseconds, payments blocked in a minute, share of a batch in quarantine, PSI of the score, hours that a review case waits."
  type        = object({ api_p99_ms = number, blocked_per_minute = number, quarantined_share = number, score_psi = number, case_hours = number })
  default     = { api_p99_ms = 60, blocked_per_minute = 30, quarantined_share = 0.05, score_psi = 0.25, case_hours = 24 }
  nullable    = false
}
