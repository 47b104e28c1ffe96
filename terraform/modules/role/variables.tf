variable "boundary_arn" {
  description = "Permissions boundary of the role; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "description" {
  description = "Who takes the role and what for, in a sentence."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,63}$", var.name))
    error_message = "name must be 2-64 characters of a-z, 0-9 and hyphen, got \"${var.name}\"."
  }
}

variable "people" {
  description = "Who takes the role, where people do: ARNs of users, roles or of an account's root, whether they must have shown a second factor, and the role of the console, which takes it for whom a single sign-on has asked for it and who is in the group. Null for a service's role."
  type        = object({ principals = list(string), mfa = optional(bool, true), console = optional(object({ role = string, group = string })) })
  default     = null
  nullable    = true

  validation {
    condition = var.people == null || alltrue([
      for arn in concat(try(var.people.principals, []), compact([try(var.people.console.role, null)])) : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[A-Za-z0-9+=,.@_/-]+)$", arn))
    ])
    error_message = "people.principals must be ARNs of users, roles or an account's root, such as arn:aws:iam::111122223333:role/analysts: never everybody."
  }

  validation {
    condition     = var.people == null || length(concat(try(var.people.principals, []), compact([try(var.people.console.role, null)]))) > 0
    error_message = "people.principals must name somebody: a role that nobody takes is none."
  }
}

variable "permissions" {
  description = "What the role may do: actions on resources, by statement id. `only_if` holds values by condition key, compared as StringLike does."
  type = map(object({
    actions   = list(string)
    resources = list(string)
    only_if   = optional(map(list(string)), {})
  }))
  nullable = false

  validation {
    condition     = alltrue([for p in var.permissions : length(p.actions) > 0 && length(p.resources) > 0])
    error_message = "permissions must name actions and resources in every statement."
  }

  validation {
    condition     = alltrue(flatten([for p in var.permissions : [for a in p.actions : can(regex("^[a-z0-9-]+:[A-Za-z]+$", a))]]))
    error_message = "permissions must name each action whole, such as s3:GetObject: no role of the platform is allowed what it does not name."
  }

  # What AWS knows no resources for.
  validation {
    condition = alltrue(flatten([
      for p in var.permissions : [
        for a in p.actions : contains(["cloudwatch:PutMetricData", "ecr:GetAuthorizationToken"], a) || can(regex("^ec2:", a)) || can(regex("^logs:[A-Za-z]*(LogDelivery|LogDeliveries|ResourcePolicy|ResourcePolicies|LogGroups)$", a)) || can(regex("^(xray:.*|cloudwatch:(GetMetricStatistics|ListMetrics)|sagemaker:List[A-Za-z]+|sqs:ListQueues)$", a))
      ] if contains(p.resources, "*")
    ]))
    error_message = "permissions on every resource are left to the few actions that know none: cloudwatch:PutMetricData, ecr:GetAuthorizationToken, network interfaces, log delivery, traces and lists."
  }
}

variable "service" {
  description = "Service that takes the role, such as lambda; null where people do."
  type        = string
  default     = null
  nullable    = true

  validation {
    condition     = var.service == null || contains(["cloudtrail", "ecs-tasks", "events", "glue", "lambda", "sagemaker", "scheduler", "states", "vpc-flow-logs"], coalesce(var.service, "none"))
    error_message = "service must be cloudtrail, ecs-tasks, events, glue, lambda, sagemaker, scheduler, states or vpc-flow-logs, got \"${coalesce(var.service, "none")}\"."
  }

  validation {
    condition     = (var.service == null) != (var.people == null)
    error_message = "service or people must say who takes the role, and only one of them."
  }
}
