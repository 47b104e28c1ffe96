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
  description = "Problems to learn: the prefixes of the lake that training sets are made of, features first, whether an endpoint serves the model (others score in batches), and whether that endpoint is serverless, which joins no network."
  type        = map(object({ learns_from = list(string), served = bool, serverless = optional(bool, false) }))
  nullable    = false

  validation {
    condition     = alltrue([for problem in keys(var.problems) : can(regex("^[a-z]+(-[a-z]+)*$", problem))])
    error_message = "A problem's name has small letters and single hyphens only: SageMaker's names allow no underscore."
  }
}

variable "runs_on" {
  description = "What jobs and models run on: the image, jobs' instance type, and subnets and security groups, if they are to run in a network."
  type = object({
    image         = string
    instance_type = string
    network       = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
  })
  nullable = false

  validation {
    condition     = startswith(var.runs_on.instance_type, "ml.")
    error_message = "runs_on.instance_type must be a SageMaker type such as ml.m5.xlarge, got \"${var.runs_on.instance_type}\"."
  }
}
