variable "boundary_arn" {
  description = "Permissions boundary of the flow log's role; null for none."
  type        = string
  default     = null
  nullable    = true
}

variable "cidr" {
  description = "Addresses of the network, such as 10.20.0.0/20."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 22, false)
    error_message = "cidr must be a range of addresses from /16 to /22, got \"${var.cidr}\"."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the log of refused connections."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:", var.kms_key_arn))
    error_message = "kms_key_arn must be a KMS key ARN (arn:aws:kms:...), got \"${var.kms_key_arn}\"."
  }
}

variable "prefix" {
  description = "Beginning of every resource's name."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "Letters of the availability zones, each of which gets a private subnet."
  type        = list(string)
  default     = ["a", "b"]
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2 && alltrue([for letter in var.zones : can(regex("^[a-f]$", letter))])
    error_message = "zones must be at least two letters such as [\"a\", \"b\"], got ${join(", ", var.zones)}: one zone may fail."
  }
}
