variable "boundary_arn" {
  description = "Permissions boundary of the roles; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "image_digest" {
  description = "Digest of the image in the module's repository, as `make console-image` prints it; null until there is one, and nothing runs."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.image_digest == null || can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "image_digest must be sha256: and 64 digits: a tag may be moved, a digest may not."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts images and log."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be a KMS key ARN (arn:aws:kms:...), got \"${var.kms_key_arn}\"."
  }
}

variable "network" {
  description = "A network with a way out: its private subnets in two zones, the ranges that people's browsers come from, the bucket of the load balancer's access log, and whether the balancer is protected from deletion."
  type = object({
    vpc_id             = string
    subnet_ids         = list(string)
    reached_from       = list(string)
    access_logs_bucket = string
    protected          = optional(bool, true)
  })
  nullable = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.network.vpc_id)) && length(var.network.subnet_ids) >= 2 && alltrue([for id in var.network.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "network must have a vpc_id (vpc-...) and at least two subnet_ids (subnet-...), each in a zone of its own: a load balancer asks for two."
  }

  validation {
    condition     = length(var.network.reached_from) > 0 && alltrue([for range in var.network.reached_from : can(cidrhost(range, 0)) && try(tonumber(split("/", range)[1]) >= 8, false)])
    error_message = "network.reached_from must name the ranges that people come from, such as 10.0.0.0/8, and never everybody."
  }
}

variable "oidc" {
  description = "Who signs people in: the OpenID Connect provider's issuer and endpoints, the client's identifier there, what is asked for, and the claim of the user info that has a person's groups. The client's secret is given by `make console-secret`."
  type = object({
    issuer                 = string
    authorization_endpoint = string
    token_endpoint         = string
    user_info_endpoint     = string
    client_id              = string
    scope                  = optional(string, "openid")
    groups_claim           = optional(string, "groups")
  })
  nullable = false

  validation {
    condition     = alltrue([for at in [var.oidc.issuer, var.oidc.authorization_endpoint, var.oidc.token_endpoint, var.oidc.user_info_endpoint] : can(regex("^https://[^/?#]+(/[^?#]*)?$", at))])
    error_message = "oidc.issuer and the endpoints must be HTTPS addresses without a query."
  }

  validation {
    condition     = contains(split(" ", var.oidc.scope), "openid") && length(trimspace(var.oidc.client_id)) > 0 && length(trimspace(var.oidc.groups_claim)) > 0
    error_message = "oidc must have a client_id and a groups_claim, and its scope must hold openid."
  }
}

variable "outputs" {
  description = "The platform's outputs as JSON, which say where its pages look."
  type        = string
  nullable    = false

  validation {
    condition     = can(jsondecode(var.outputs).prefix)
    error_message = "outputs must be JSON with the platform's outputs, prefix among them."
  }
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}$", var.prefix))
    error_message = "prefix must be 2-23 characters of a-z, 0-9 and hyphen, got \"${var.prefix}\": a load balancer's name has 32."
  }
}

variable "reads" {
  description = "What the pages read: permissions by statement id."
  type = map(object({
    actions   = list(string)
    resources = list(string)
    only_if   = optional(map(list(string)), {})
  }))
  nullable = false

  # Athena's own results alone are written.
  validation {
    condition = alltrue(flatten([
      for p in var.reads : [
        for a in p.actions : can(regex("^[a-z0-9-]+:(Batch)?(Get|Describe|List|Query|Decrypt|GenerateDataKey)", a)) || can(regex("^athena:(Start|Stop)QueryExecution$", a)) || (contains(["s3:AbortMultipartUpload", "s3:PutObject"], a) && alltrue([for r in p.resources : endswith(r, "/athena/*")]))
      ]
    ]))
    error_message = "reads must read: what somebody does is done in a role of their own, and only Athena's results are written, below athena/."
  }
}

variable "roles" {
  description = "By role the provider's group whose members have it, and the role's ARN, which the console takes for them; `reader` has none, and may look."
  type        = map(object({ group = string, arn = optional(string) }))
  nullable    = false

  validation {
    condition     = length(var.roles) > 0 && length(setsubtract(keys(var.roles), ["policy-owner", "reader", "review-auditor", "review-lead", "reviewer"])) == 0 && alltrue([for told in var.roles : length(trimspace(told.group)) > 0])
    error_message = "roles must give policy-owner, reader, review-auditor, review-lead or reviewer a group, got ${join(", ", keys(var.roles))}."
  }

  # It becomes the tag of a session.
  validation {
    condition     = alltrue([for told in var.roles : told.arn == null || can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,256}$", told.group))])
    error_message = "roles must have groups of at most 256 letters, digits, blanks and _.:/=+-@, as the session of who is signed in is tagged with it: let the provider tell groups by such names."
  }

  validation {
    condition     = alltrue([for role, told in var.roles : role == "reader" ? told.arn == null : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/", told.arn))])
    error_message = "roles must give each role but reader the ARN of a role."
  }
}

variable "served_as" {
  description = "The name that people's browsers ask for, the certificate of that name in ACM, whether pages have buttons that save or copy a table, and the topic that is told when no page is served."
  type        = object({ hostname = string, certificate_arn = string, export = optional(bool, true), alarm_topic_arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.served_as.hostname)) && can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/", var.served_as.certificate_arn))
    error_message = "served_as must have a hostname such as console.bank.example, and the ARN of its certificate (arn:aws:acm:...): there is no console without HTTPS."
  }

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:", var.served_as.alarm_topic_arn))
    error_message = "served_as.alarm_topic_arn must be the ARN of a topic (arn:aws:sns:...), got \"${var.served_as.alarm_topic_arn}\"."
  }
}
