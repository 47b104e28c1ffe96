variable "definition" {
  description = "What a record is: the feature that identifies it, and every feature with its type."
  type = object({
    identifier = string
    features   = list(object({ name = string, type = string }))
  })
  nullable = false

  validation {
    condition     = contains([for feature in var.definition.features : feature.name], var.definition.identifier)
    error_message = "definition.features must hold the identifier ${var.definition.identifier}."
  }
}

variable "name" {
  description = "Short name of the group."
  type        = string
  nullable    = false
}

variable "offline" {
  description = "Where the offline store lies: bucket, catalog database, the key that encrypts it and the online store, and the role that writes there."
  type        = object({ bucket = string, database = string, kms_key_arn = string, role_arn = string })
  nullable    = false
}

variable "online_ttl_days" {
  description = "Days after its newest event that an online record is kept; null keeps it."
  type        = number
  default     = null
  nullable    = true
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}
