variable "account_ids" {
  description = "The account that the environment lives in, in a list of one. Credentials of another are refused."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.account_ids) == 1 && alltrue([for id in var.account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "account_ids must hold the 12 digits of the environment's account, got [${join(", ", var.account_ids)}]: write them into terraform/environments/<environment>/environment.tfvars.json."
  }
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

variable "budget" {
  description = "Monthly budget in US dollars and who is told at 80 and at 100 of 100. Null sets none."
  type        = object({ dollars = number, emails = list(string) })
  default     = null
  nullable    = true

  validation {
    condition     = var.budget == null || try(var.budget.dollars > 0 && length(var.budget.emails) > 0, false)
    error_message = "budget must have more than 0 dollars and at least one address to tell."
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

variable "github" {
  description = "Who delivers through GitHub Actions: subjects of the identity token by role (plan, apply, image), in either form that GitHub sends. Null makes no roles."
  type = object({
    subjects = object({ plan = list(string), apply = list(string), image = list(string) })
  })
  default  = null
  nullable = true

  validation {
    condition     = var.github == null || alltrue(flatten([for subjects in values(try(var.github.subjects, {})) : [for s in subjects : can(regex("^repo:[^*]+:(environment|ref|pull_request)[^*]*$", s))]]))
    error_message = "github.subjects must each name one repository and one environment, branch or pull request without a wildcard, such as repo:owner/name:environment:prod-plan or repo:owner@1/name@2:environment:prod."
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
