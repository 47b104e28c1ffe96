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
    condition     = length(setsubtract(["decisions", "predictions"], [for table in var.tables : table.zone])) == 0
    error_message = "tables must hold the zones decisions and predictions: the crawler and the analysts' queries are about them."
  }
}
