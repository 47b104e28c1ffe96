variable "answers" {
  description = "What the API door has answered: its table, customers' tails, and the key that signs what is handed on."
  type = object({
    table           = object({ name = string, arn = string })
    tails           = object({ name = string, arn = string })
    signing_key_arn = string
  })
  nullable = false
}

variable "code" {
  description = "Packaged functions by name; the zips of the API's own functions are used."
  type = map(object({
    bucket             = string
    key                = string
    hash               = string
    layers             = list(string)
    concurrency        = optional(number, -1)
    log_retention_days = optional(number, 365)
    network            = optional(object({ subnet_ids = list(string), security_group_ids = list(string) }))
    boundary_arn       = optional(string)
    provisioned        = optional(number, 0)
  }))
  nullable = false
}

variable "lake" {
  description = "The lake's bucket and the key that encrypts it."
  type        = object({ name = string, arn = string, kms_key_arn = string })
  nullable    = false
}

variable "lists_table_arn" {
  description = "The table of lists that rules look up."
  type        = string
  nullable    = false
}

variable "loans" {
  description = "What the loans' door needs: the endpoint of the credit model, the customers' group, and the tables of the documents that decide."
  type        = object({ endpoint = string, endpoint_arn = string, customer_group_arn = string, documents = list(string) })
  nullable    = false
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "scoring" {
  description = "What both doors need to score a payment: environment variables and permissions."
  type = object({
    environment = map(string)
    permissions = map(object({ actions = list(string), resources = list(string) }))
  })
  nullable = false

  validation {
    condition     = alltrue([for name in ["CUSTOMER_GROUP", "LAKE_BUCKET", "LISTS_TABLE", "METRIC_NAMESPACE", "POLICIES_TABLE", "RELEASES_TABLE"] : contains(keys(var.scoring.environment), name)])
    error_message = "scoring.environment names CUSTOMER_GROUP, LAKE_BUCKET, LISTS_TABLE, METRIC_NAMESPACE, POLICIES_TABLE and RELEASES_TABLE: the other doors need them, too."
  }
}

variable "streams" {
  description = "The payment stream, which decided payments are handed on to, and the merchants', which payments that were called fraud are told to."
  type = object({
    merchants    = object({ name = string, arn = string })
    transactions = object({ name = string, arn = string })
  })
  nullable = false
}

variable "throttle" {
  description = "Requests a second that the API takes, and how many at once above that; `routes` holds the same for routes of their own, such as `POST /v1/labels`, which then cannot take what others need."
  type = object({
    requests_per_second = number
    burst               = number
    routes              = optional(map(object({ requests_per_second = number, burst = number })), {})
  })
  default  = { requests_per_second = 500, burst = 500 }
  nullable = false

  validation {
    condition     = alltrue([for route in keys(var.throttle.routes) : contains(local.routes, route)])
    error_message = "throttle.routes must name routes of this module, ${join(", ", local.routes)}, got ${join(", ", keys(var.throttle.routes))}."
  }

  validation {
    condition     = alltrue([for limit in values(var.throttle.routes) : limit.requests_per_second > 0 && limit.requests_per_second <= var.throttle.requests_per_second && limit.burst > 0 && limit.burst <= var.throttle.burst])
    error_message = "throttle.routes must take more than nothing and no more than the API takes, ${var.throttle.requests_per_second} a second and ${var.throttle.burst} at once."
  }
}

variable "tokens" {
  description = "Callers that bear a token (JWT) instead of signing for IAM: the issuer, whom tokens must be for, and by route the scope that they must have. A route that is not named stays IAM's; null for none."
  type = object({
    issuer   = string
    audience = list(string)
    scopes   = map(string)
  })
  default  = null
  nullable = true

  validation {
    condition     = var.tokens == null || can(regex("^https://[^/?#]+(/[^?#]*)?$", try(var.tokens.issuer, "")))
    error_message = "tokens.issuer must be an HTTPS address without a query, below which the issuer's keys are found, got \"${try(var.tokens.issuer, "")}\"."
  }

  validation {
    condition     = var.tokens == null || (length(try(var.tokens.audience, [])) > 0 && alltrue([for audience in try(var.tokens.audience, []) : length(trimspace(audience)) > 0]))
    error_message = "tokens.audience must name whom tokens are for: without one every token of the issuer would do."
  }

  validation {
    condition     = var.tokens == null || (length(try(var.tokens.scopes, {})) > 0 && alltrue([for route, scope in try(var.tokens.scopes, {}) : can(regex("^(GET|POST) /v1/[a-z]", route)) && can(regex("^[!-~]+$", scope))]))
    error_message = "tokens.scopes must give at least one route, such as \"POST /v1/decisions\", the scope that its tokens have: got ${jsonencode(try(var.tokens.scopes, {}))}."
  }
}
