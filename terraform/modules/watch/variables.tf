variable "entities" {
  description = "Kinds of rows that batches bring, as `transactions`."
  type        = set(string)
  nullable    = false
}

variable "failed_queue" {
  description = "Queue of what the stream door gave up."
  type        = string
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
  description = "Lambda function names by short name; `stream` reads the payment stream."
  type        = map(string)
  nullable    = false

  validation {
    condition     = contains(keys(var.functions), "stream")
    error_message = "functions must have `stream`: how far it is behind is watched."
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
