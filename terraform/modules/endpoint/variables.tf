variable "image" {
  description = "Image that serves."
  type        = string
  nullable    = false
}

variable "kms_key_arn" {
  description = "Key that encrypts the instances' volumes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be a KMS key ARN (arn:aws:kms:...), got \"${var.kms_key_arn}\"."
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

variable "network" {
  description = "Subnets and security groups that instances run in; null for AWS's own network. A serverless endpoint joins none."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
  nullable    = true
}

variable "role_arn" {
  description = "Role that the model runs as."
  type        = string
  nullable    = false
}

variable "serving" {
  description = "What the endpoint runs on: instances, between two numbers of which it scales, or, with a memory, serverless."
  type        = object({ instance_type = string, instances = number, most_instances = number, serverless_memory_mb = optional(number) })
  nullable    = false

  validation {
    condition     = startswith(var.serving.instance_type, "ml.")
    error_message = "serving.instance_type must be a SageMaker type such as ml.c5.large, got \"${var.serving.instance_type}\"."
  }
}
