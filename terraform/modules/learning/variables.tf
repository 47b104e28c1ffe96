variable "artifacts" {
  description = "Bucket that holds the packaged code, and the key that encrypts it."
  type        = object({ bucket = string, arn = string, kms_key_arn = string })
  nullable    = false
}

variable "boundary_arn" {
  description = "Permissions boundary of every role; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "code_key" {
  description = "Key of the training code's archive in the bucket of artifacts."
  type        = string
  nullable    = false
}

variable "definitions" {
  description = "Folder of the rendered pipelines, one JSON per problem."
  type        = string
  nullable    = false
}

variable "image" {
  description = "Image for processing, training and serving."
  type        = string
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of jobs."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.instance_type, "ml.")
    error_message = "instance_type must be a SageMaker type such as ml.m5.xlarge, got \"${var.instance_type}\"."
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

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "problems" {
  description = "Problems to learn: the prefixes of the lake that training sets are made of, features first, and whether an endpoint serves the model; others score in batches."
  type        = map(object({ learns_from = list(string), served = bool }))
  nullable    = false

  validation {
    condition     = alltrue([for problem in keys(var.problems) : can(regex("^[a-z]+(-[a-z]+)*$", problem))])
    error_message = "A problem's name has small letters and single hyphens only: SageMaker's names allow no underscore."
  }
}
