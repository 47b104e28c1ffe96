variable "entities" {
  description = "Kinds of rows that batches bring, as `transactions`."
  type        = set(string)
  nullable    = false
}

variable "failed_queues" {
  description = "Queues of what was given up: payments by the stream door, counts of them by `merchants`, approvals by the release."
  type        = object({ stream = string, merchants = string, release = string })
  nullable    = false
}

variable "feature_groups" {
  description = "Short names of the feature groups that the night publishes."
  type        = set(string)
  nullable    = false
}

variable "feature_tables" {
  description = "Tables of vectors that the quality gate judges, as `transaction_features`."
  type        = set(string)
  default     = []
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

variable "kms_key_arn" {
  description = "Key that encrypts the alarm topic. Its policy must let CloudWatch use it."
  type        = string
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

variable "state_machines" {
  description = "State machine ARNs by short name."
  type        = map(string)
  nullable    = false
}
