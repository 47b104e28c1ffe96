variable "athena_workgroup" {
  description = "Workgroup that runs statements, and the database of predictions."
  type        = object({ name = string, arn = string, predictions_database = string })
  nullable    = false
}

variable "code_uri" {
  description = "S3 URI of the training code archive."
  type        = string
  nullable    = false
}

variable "crawlers" {
  description = "Crawlers that the night starts, by what they crawl."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for what in keys(var.crawlers) : can(regex("^[a-z]+$", what))])
    error_message = "crawlers are named by one word in small letters, got ${join(", ", keys(var.crawlers))}."
  }
}

variable "execution_role_arn" {
  description = "Role of processing jobs."
  type        = string
  nullable    = false
}

variable "image" {
  description = "Image of processing jobs."
  type        = string
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of processing and transform jobs."
  type        = string
  nullable    = false
}

variable "jobs" {
  description = "Glue job names by script."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["raw_to_bronze", "bronze_to_silver", "silver_to_gold", "publish_features", "check_parity"], keys(var.jobs))) == 0
    error_message = "jobs must have every job of the nightly run, got ${join(", ", keys(var.jobs))}."
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

variable "seal_code" {
  description = "The zip of the seal: bucket, key and base64 SHA-256."
  type        = object({ bucket = string, key = string, hash = string })
  nullable    = false
}
