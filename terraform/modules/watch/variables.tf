variable "doors" {
  description = "What the doors are made of, by name."
  type = object({
    api_id       = string
    functions    = map(string)
    failed_queue = string
    stream       = string
  })
  nullable = false
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
