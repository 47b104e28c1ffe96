variable "artifacts_bucket" {
  description = "Bucket that holds the packaged code."
  type        = string
  nullable    = false
}

variable "code" {
  description = "The function's zip: key and base64 SHA-256."
  type        = object({ key = string, hash = string })
  nullable    = false
}

variable "endpoint" {
  description = "The bootstrap release of the endpoint."
  type        = object({ model_name = string, endpoint_config = string })
  nullable    = false
}

variable "execution_role_arn" {
  description = "Role that released models run as."
  type        = string
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of the endpoint."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.instance_type, "ml.")
    error_message = "instance_type must be a SageMaker type such as ml.c5.large, got \"${var.instance_type}\"."
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

variable "problems" {
  description = "Problems with a registry; those that are served have an endpoint."
  type        = map(object({ served = bool }))
  nullable    = false
}
