variable "api_execution_arn" {
  description = "The API as execute-api names it."
  type        = string
  nullable    = false
}

variable "boundary_arn" {
  description = "Permissions boundary of the roles; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "catalog" {
  description = "Beginning of every database's name, and the analysts' workgroup."
  type        = object({ database_prefix = string, workgroup_arn = string })
  nullable    = false
}

variable "lake" {
  description = "The lake's bucket and the key that encrypts it."
  type        = object({ arn = string, kms_key_arn = string })
  nullable    = false
}

variable "operated" {
  description = "What operator and watcher work on: the alarm that aborts a release, tables of the documents that decide by owner, the endpoint's name, problems, state machines by short name."
  type = object({
    abort_alarm    = string
    documents      = map(string)
    endpoint       = string
    problems       = list(string)
    state_machines = map(string)
  })
  nullable = false
}

variable "people" {
  description = "ARNs of the principals that may take a role, by role: analyst, approver, lender, operator, policy-owner, producer, review-auditor, review-lead, reviewer, uploader, watcher. A role without principals is not made."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.people), ["analyst", "approver", "lender", "operator", "policy-owner", "producer", "review-auditor", "review-lead", "reviewer", "uploader", "watcher"])) == 0
    error_message = "people must be told by role, analyst, approver, lender, operator, policy-owner, producer, review-auditor, review-lead, reviewer, uploader or watcher, got ${join(", ", keys(var.people))}."
  }
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "signed_in" {
  description = "Whether whoever takes a role must have shown a second factor (`asked`; principals of a single sign-on cannot: it has asked them), and the role of the console, which `takes` some roles for whom it has signed in, by role the group that has it; null where there is none."
  type        = object({ asked = optional(bool, true), console = optional(string), takes = optional(map(string), {}) })
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.signed_in.takes), ["policy-owner", "review-auditor", "review-lead", "reviewer"])) == 0
    error_message = "signed_in.takes must be policy-owner, review-auditor, review-lead or reviewer, which the console takes for people, got ${join(", ", keys(var.signed_in.takes))}."
  }

  validation {
    condition     = (var.signed_in.console == null) == (length(var.signed_in.takes) == 0)
    error_message = "signed_in.console and signed_in.takes belong together: the console's role, and the roles that it takes."
  }
}

variable "state" {
  description = "The bucket of Terraform's state, which says what was built, and its key."
  type        = object({ arn = string, kms_key_arn = string })
  nullable    = false
}

variable "stream" {
  description = "The payment stream, and the queues of what was given up."
  type        = object({ arn = string, failed_queue_arns = list(string) })
  nullable    = false
}
