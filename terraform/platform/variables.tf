variable "account_ids" {
  description = "The account that the environment lives in, in a list of one. Credentials of another are refused."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.account_ids) == 1 && alltrue([for id in var.account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "account_ids must hold the 12 digits of the environment's account, got [${join(", ", var.account_ids)}]: write them into terraform/environments/<environment>/environment.tfvars.json."
  }
}

variable "artifacts" {
  description = "What `make package` made: key in the artifacts bucket and base64 SHA-256, by name."
  type        = map(object({ key = string, hash = string }))
  nullable    = false
}

variable "boundary_arn" {
  description = "ARN of the policy that bounds what any role of the environment may do, whatever its own policies say; null for none."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/", var.boundary_arn))
    error_message = "boundary_arn must be the ARN of a managed policy, such as arn:aws:iam::111122223333:policy/boundary."
  }
}

variable "declared_groups" {
  description = "Short names of the feature groups of entities that a user has declared, as `make package` lists them: `card`, and `card-traffic` of what is counted live."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for group in var.declared_groups : can(regex("^[a-z][a-z0-9-]{0,39}$", group))])
    error_message = "declared_groups must hold short names of small letters, digits and -, got [${join(", ", var.declared_groups)}]."
  }
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

variable "image" {
  description = "Image for processing, training and serving, by its digest; null for the environment's own with `image_tag`."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must end in @sha256: and 64 digits: a tag may be moved, a digest may not."
  }
}

variable "image_tag" {
  description = "Tag of the image for processing, training and serving."
  type        = string
  default     = "1"
  nullable    = false
}

variable "network" {
  description = "A network of its own for functions, Glue jobs and SageMaker's jobs and models, without a way to the internet: its addresses and zones. Null runs them in AWS's."
  type        = object({ cidr = string, zones = optional(list(string), ["a", "b"]) })
  default     = null
  nullable    = true
}

variable "people" {
  description = "Who may take each role for people: ARNs of principals by role (analyst, approver, lender, operator, policy-owner, producer, review-auditor, review-lead, reviewer, uploader, watcher; who is not named gets none), whether a second factor must have been shown (not where a single sign-on has asked for it), and whose tokens the API takes instead of signatures, at which routes, with which scope (null: nobody's), and whom the console's container lets in (null: there is none): the provider that signs people in, the provider's group by role (reader, reviewer, review-lead, review-auditor, policy-owner), the name and certificate that it is served by, the network that it stands in, and the digest of its image once there is one."
  type = object({
    mfa   = optional(bool, true)
    roles = optional(map(list(string)), {})
    console = optional(object({
      groups       = map(string)
      image_digest = optional(string)
      network = object({
        vpc_id             = string
        subnet_ids         = list(string)
        reached_from       = list(string)
        access_logs_bucket = string
        protected          = optional(bool, true)
      })
      oidc = object({
        issuer                 = string
        authorization_endpoint = string
        token_endpoint         = string
        user_info_endpoint     = string
        client_id              = string
        scope                  = optional(string, "openid")
        groups_claim           = optional(string, "groups")
      })
      served_as = object({ hostname = string, certificate_arn = string, export = optional(bool, true) })
    }))
    tokens = optional(object({ issuer = string, audience = list(string), scopes = map(string) }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.people.roles), ["analyst", "approver", "lender", "operator", "policy-owner", "producer", "review-auditor", "review-lead", "reviewer", "uploader", "watcher"])) == 0
    error_message = "people.roles must be analyst, approver, lender, operator, policy-owner, producer, review-auditor, review-lead, reviewer, uploader or watcher, got ${join(", ", keys(var.people.roles))}."
  }

  validation {
    condition     = var.people.console == null || length(setsubtract(keys(try(var.people.console.groups, {})), ["policy-owner", "reader", "review-auditor", "review-lead", "reviewer"])) == 0
    error_message = "people.console.groups must be told by role: policy-owner, reader, review-auditor, review-lead or reviewer, got ${join(", ", keys(try(var.people.console.groups, {})))}."
  }
}

variable "prefix" {
  description = "Beginning of every name, before the environment's."
  type        = string
  default     = "risk"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.prefix))
    error_message = "prefix must be 2-10 characters of a-z and 0-9, got \"${var.prefix}\": names of SageMaker's jobs have 63 characters, and it is part of each."
  }
}

variable "region" {
  description = "AWS region of the platform."
  type        = string
  nullable    = false
}

variable "s3_use_path_style" {
  description = "Address buckets by path, for endpoints without wildcard names."
  type        = bool
  default     = false
  nullable    = false
}

variable "sizing" {
  description = "How big the platform is: the API's throttle, that of routes of their own, and how many instances of its function wait for calls; reserved concurrency by function; the endpoint's instances, between which it scales, or memory of a serverless one; Glue's workers; how a release is guarded; SageMaker's jobs; memory of the serverless endpoint that single loans ask; days that logs are kept; for how many minutes a review case is one person's, and within how many hours it ought to be decided; when machines run, if they do; how the stream is read; from where on something is wrong."
  type = object({
    api = optional(object({
      requests_per_second     = optional(number, 500)
      burst                   = optional(number, 500)
      routes                  = optional(map(object({ requests_per_second = number, burst = number })), {})
      provisioned_concurrency = optional(number, 0)
    }), {})
    concurrency = optional(map(number), {})
    endpoint = optional(object({
      instance_type        = optional(string, "ml.c5.large")
      instances            = optional(number, 1)
      most_instances       = optional(number, 1)
      serverless_memory_mb = optional(number)
    }), {})
    glue = optional(object({
      worker_type     = optional(string, "G.1X")
      workers         = optional(number, 2)
      timeout_minutes = optional(number, 120)
    }), {})
    guard = optional(object({
      canary_seconds       = optional(number, 600)
      bake_seconds         = optional(number, 300)
      poll_seconds         = optional(number, 30)
      most_latency_ms      = optional(number, 100)
      most_blocked_percent = optional(number, 20)
    }), {})
    jobs               = optional(object({ instance_type = optional(string, "ml.m5.xlarge") }), {})
    loans              = optional(object({ serverless_memory_mb = optional(number, 3072) }), {})
    log_retention_days = optional(number, 365)
    review             = optional(object({ lock_minutes = optional(number, 30), hours = optional(number, 24) }), {})
    schedules = optional(object({
      enabled     = optional(bool, true)
      nightly     = optional(string, "cron(0 2 * * ? *)")
      drift       = optional(string, "cron(0 5 * * ? *)")
      score-loans = optional(string, "cron(0 6 1 * ? *)")

      score-loans-daily = optional(string, "cron(0 7 * * ? *)")
    }), {})
    stream = optional(object({ enhanced_fan_out = optional(bool, false), read_from = optional(string, "TRIM_HORIZON") }), {})
    thresholds = optional(object({
      api_p99_ms         = optional(number, 60)
      blocked_per_minute = optional(number, 30)
      quarantined_share  = optional(number, 0.05)
      score_psi          = optional(number, 0.25)
    }), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.sizing.endpoint.instances >= 1 && var.sizing.endpoint.most_instances >= var.sizing.endpoint.instances
    error_message = "sizing.endpoint needs at least 1 instance and most_instances of no less, got ${var.sizing.endpoint.instances} and ${var.sizing.endpoint.most_instances}."
  }

  validation {
    condition     = alltrue([for type in [var.sizing.endpoint.instance_type, var.sizing.jobs.instance_type] : startswith(type, "ml.")])
    error_message = "sizing.endpoint.instance_type and sizing.jobs.instance_type must be SageMaker types such as ml.m5.xlarge."
  }

  validation {
    condition     = var.sizing.endpoint.serverless_memory_mb == null || contains([1024, 2048, 3072, 4096, 5120, 6144], coalesce(var.sizing.endpoint.serverless_memory_mb, 0))
    error_message = "sizing.endpoint.serverless_memory_mb must be null or 1024, 2048, ... 6144: SageMaker offers no other."
  }

  validation {
    condition     = contains([1024, 2048, 3072, 4096, 5120, 6144], var.sizing.loans.serverless_memory_mb)
    error_message = "sizing.loans.serverless_memory_mb must be 1024, 2048, ... 6144: SageMaker offers no other, got ${var.sizing.loans.serverless_memory_mb}."
  }

  validation {
    condition     = contains(["G.1X", "G.2X", "G.4X", "G.8X"], var.sizing.glue.worker_type) && var.sizing.glue.workers >= 2
    error_message = "sizing.glue needs a worker_type of G.1X, G.2X, G.4X or G.8X and at least 2 workers, got ${var.sizing.glue.worker_type} and ${var.sizing.glue.workers}: one of them is the driver."
  }

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.sizing.log_retention_days)
    error_message = "sizing.log_retention_days must be a number of days that CloudWatch knows, such as 30, 90 or 365, got ${var.sizing.log_retention_days}."
  }

  validation {
    condition     = contains(["TRIM_HORIZON", "LATEST"], var.sizing.stream.read_from)
    error_message = "sizing.stream.read_from must be TRIM_HORIZON or LATEST, got ${var.sizing.stream.read_from}."
  }

  validation {
    condition     = var.sizing.thresholds.quarantined_share > 0 && var.sizing.thresholds.quarantined_share < 0.1
    error_message = "sizing.thresholds.quarantined_share must lie between 0 and 0.1, got ${var.sizing.thresholds.quarantined_share}: at 0.1 the gate refuses the batch."
  }

  validation {
    condition     = var.sizing.api.provisioned_concurrency >= 0 && floor(var.sizing.api.provisioned_concurrency) == var.sizing.api.provisioned_concurrency && (lookup(var.sizing.concurrency, "decide", -1) < 0 || var.sizing.api.provisioned_concurrency <= lookup(var.sizing.concurrency, "decide", -1))
    error_message = "sizing.api.provisioned_concurrency must be a whole number of no less than 0, and no more than sizing.concurrency.decide reserves, got ${var.sizing.api.provisioned_concurrency}."
  }

  validation {
    condition     = var.sizing.api.requests_per_second <= 10000 && var.sizing.api.burst <= 5000
    error_message = "sizing.api takes at most 10000 requests a second and a burst of 5000, the account's own limit, got ${var.sizing.api.requests_per_second} and ${var.sizing.api.burst}."
  }
}

variable "watch" {
  description = "Who is told of alarms (addresses, each confirms once), and after how many hours without a successful night, and without a decided payment, somebody is told; null for never. Heartbeats ring from the first hour on: name them when nights and payments have begun."
  type = object({
    subscribers = optional(set(string), [])
    heartbeats  = optional(object({ night_hours = optional(number), payments_hours = optional(number) }), {})
  })
  default  = {}
  nullable = false
}
