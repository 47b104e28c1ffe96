variable "groups" {
  description = "Feature groups: identifier and typed features, by short name."
  type = map(object({
    identifier = string
    features   = list(object({ name = string, type = string }))
  }))
  nullable = false

  validation {
    condition = alltrue(flatten([
      for group in var.groups : [
        for feature in group.features : can(regex("^[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}$", feature.name))
      ]
    ]))
    error_message = "A feature's name has 1-64 letters, digits, - and _, and neither begins nor ends with - or _."
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
