variable "boundary_arn" {
  description = "Permissions boundary of the crawlers' role; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "database_prefix" {
  description = "Beginning of every database's name."
  type        = string
  nullable    = false
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

variable "tables" {
  description = "The lake's tables, by zone and name."
  type = map(object({
    zone       = string
    name       = string
    location   = string
    format     = string
    columns    = list(object({ name = string, type = string, comment = string }))
    partitions = list(object({ name = string, type = string, comment = string }))
  }))
  nullable = false

  validation {
    condition     = alltrue([for table in var.tables : contains(["parquet", "json", "csv"], table.format)])
    error_message = "Every table's format must be parquet, json or csv."
  }

  validation {
    condition     = length(setsubtract(local.viewed, keys(var.tables))) == 0
    error_message = "tables must hold ${join(", ", local.viewed)}: the crawler, the views and the saved queries are about them; missing ${join(", ", setsubtract(local.viewed, keys(var.tables)))}."
  }
}
