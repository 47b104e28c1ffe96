variable "image" {
  description = "Image that serves."
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

variable "model_data_url" {
  description = "S3 URI of the bootstrap model's archive."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://.+\\.tar\\.gz$", var.model_data_url))
    error_message = "model_data_url must be s3://.../model.tar.gz, got \"${var.model_data_url}\"."
  }
}

variable "name" {
  description = "Name of the endpoint."
  type        = string
  nullable    = false
}

variable "role_arn" {
  description = "Role that the model runs as."
  type        = string
  nullable    = false
}
