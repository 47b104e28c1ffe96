variable "boundary_arn" {
  description = "Permissions boundary of the feature groups' role; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "counted" {
  description = "Groups that payments move as they come, and no night publishes, by short name: days after its newest event that an online record is kept, null for as long as any other."
  type        = map(number)
  default     = {}
  nullable    = false
}

variable "declared" {
  description = "Short names of groups of entities that a user has declared: they are made after all others."
  type        = set(string)
  default     = []
  nullable    = false
}

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

  validation {
    condition     = length(setsubtract(keys(var.groups), setunion(keys(var.counted), var.declared, var.later))) <= 4
    error_message = "groups must hold at most 4 that are neither counted, declared nor later, got ${length(var.groups)} in all: an account makes four feature groups at a time."
  }
}

variable "lake" {
  description = "The lake's bucket and the key that encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = string })
  nullable    = false
}

variable "later" {
  description = "Short names of groups that the night publishes and that are made after the others, since four are made at a time."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "online_ttl_days" {
  description = "Days after its newest event that an online record is kept; null keeps it, as replayed history needs."
  type        = number
  default     = null
  nullable    = true

  validation {
    condition     = var.online_ttl_days == null || coalesce(var.online_ttl_days, 0) >= 90
    error_message = "online_ttl_days must be null or at least 90: features look back for weeks, and an expired record is an empty one."
  }
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}
