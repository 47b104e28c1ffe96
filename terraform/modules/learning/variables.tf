variable "artifacts" {
  description = "Bucket that holds the packaged code."
  type        = object({ bucket = string, arn = string })
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
  description = "Problems to learn: each has a registry and a pipeline."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for problem in var.problems : can(regex("^[a-z]+(-[a-z]+)*$", problem))])
    error_message = "A problem's name has small letters and single hyphens only: SageMaker's names allow no underscore."
  }
}
