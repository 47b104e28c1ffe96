variable "artifacts" {
  description = "What `make package` made: key in the artifacts bucket and base64 SHA-256, by name."
  type        = map(object({ key = string, hash = string }))
  nullable    = false
}

variable "environment" {
  description = "Name of the environment: local, dev or prod."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be 2-12 characters of a-z and 0-9, got \"${var.environment}\"."
  }
}

variable "feature_groups" {
  description = "Feature groups as the feature declarations ask for them: identifier and typed features, by short name."
  type = map(object({
    identifier = string
    features   = list(object({ name = string, type = string }))
  }))
  nullable = false
}

variable "image_tag" {
  description = "Tag of the image for processing, training and serving."
  type        = string
  default     = "1"
  nullable    = false
}

variable "instance_types" {
  description = "SageMaker instance types by use."
  type = object({
    jobs     = optional(string, "ml.m5.xlarge")
    endpoint = optional(string, "ml.c5.large")
  })
  default  = {}
  nullable = false
}

variable "keep_data_on_destroy" {
  description = "Refuse to destroy buckets that still hold data."
  type        = bool
  default     = true
  nullable    = false
}

variable "online_ttl_days" {
  description = "Days after its newest event that an online record is kept; null keeps it, as replayed history needs."
  type        = number
  default     = null
  nullable    = true
}

variable "pipeline_definitions" {
  description = "Folder of the rendered pipelines, as seen from this one."
  type        = string
  default     = "../build/package/pipelines"
  nullable    = false
}

variable "region" {
  description = "AWS region of the platform."
  type        = string
  default     = "eu-west-1"
  nullable    = false
}

variable "s3_use_path_style" {
  description = "Address buckets by path, for endpoints without wildcard names."
  type        = bool
  default     = false
  nullable    = false
}

variable "stream" {
  description = "The payment stream: `shards`, each of which takes 1,000 payments a second, and `enhanced_fan_out`, which gives the stream door 2 MB a second of every shard for itself, at a price by the hour. A change of it makes the door begin anew at `read_from`: TRIM_HORIZON, the oldest record, or LATEST."
  type = object({
    shards           = optional(number, 2)
    enhanced_fan_out = optional(bool, false)
    read_from        = optional(string, "TRIM_HORIZON")
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.stream.shards >= 1 && var.stream.shards <= 500
    error_message = "stream.shards must be between 1 and 500, got ${var.stream.shards}."
  }

  validation {
    condition     = contains(["TRIM_HORIZON", "LATEST"], var.stream.read_from)
    error_message = "stream.read_from must be TRIM_HORIZON or LATEST, got ${var.stream.read_from}."
  }
}

variable "tables" {
  description = "The lake's tables as glue/tables.py declares them, by zone and name."
  type = map(object({
    zone       = string
    name       = string
    location   = string
    format     = string
    columns    = list(object({ name = string, type = string, comment = string }))
    partitions = list(object({ name = string, type = string, comment = string }))
  }))
  nullable = false
}
