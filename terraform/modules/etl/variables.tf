variable "artifacts" {
  description = "Bucket that holds the packaged code, and the key that encrypts it."
  type        = object({ bucket = string, arn = string, kms_key_arn = string })
  nullable    = false
}

variable "boundary_arn" {
  description = "Permissions boundary of the jobs' roles; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "code" {
  description = "Packaged artifacts by name; the Glue library and one script per job are used."
  type        = map(object({ key = string, hash = string }))
  nullable    = false
}

variable "database_prefix" {
  description = "Beginning of every catalog database's name."
  type        = string
  nullable    = false
}

variable "feature_groups" {
  description = "Feature group names by short name."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["account", "customer", "device", "loan-applicant", "merchant"], keys(var.feature_groups))) == 0
    error_message = "feature_groups must have account, customer, device, loan-applicant and merchant, got ${join(", ", keys(var.feature_groups))}."
  }
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

variable "network" {
  description = "Subnets, their zones and the security group that jobs run in; null for Glue's own network."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string), zones = list(string) })
  default     = null
  nullable    = true
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "workers" {
  description = "Type and number of a job's workers, and after how many minutes it is stopped."
  type        = object({ worker_type = string, workers = number, timeout_minutes = number })
  default     = { worker_type = "G.1X", workers = 2, timeout_minutes = 120 }
  nullable    = false
}
