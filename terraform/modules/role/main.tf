# A role that one AWS service takes on for this account's own resources, or that people take, and what it may do.

data "aws_caller_identity" "this" {}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = var.description
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.boundary_arn
}

data "aws_iam_policy_document" "trust" {
  # The console, for whom a single sign-on has asked for a second factor or not, as the provider is set up. It says by
  # which group somebody has the role, and only that one has it; the session bears one name, which stays with it whatever
  # roles follow.
  dynamic "statement" {
    for_each = try(var.people.console, null)[*]

    content {
      sid     = "Console"
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = [statement.value.role]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/group"
        values   = [statement.value.group]
      }

      condition {
        test     = "StringLike"
        variable = "sts:SourceIdentity"
        values   = ["?*"]
      }

      condition {
        test     = "StringEquals"
        variable = "sts:RoleSessionName"
        values   = ["$${sts:SourceIdentity}"]
      }
    }
  }

  # What taking it so asks for besides.
  dynamic "statement" {
    for_each = try(var.people.console, null)[*]

    content {
      sid     = "ConsoleNames"
      actions = ["sts:SetSourceIdentity"]

      principals {
        type        = "AWS"
        identifiers = [statement.value.role]
      }
    }
  }

  dynamic "statement" {
    for_each = try(var.people.console, null)[*]

    content {
      sid     = "ConsoleTells"
      actions = ["sts:TagSession"]

      principals {
        type        = "AWS"
        identifiers = [statement.value.role]
      }

      condition {
        test     = "ForAllValues:StringEquals"
        variable = "aws:TagKeys"
        values   = ["group"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/group"
        values   = [statement.value.group]
      }
    }
  }

  dynamic "statement" {
    for_each = try(length(var.people.principals), 1) > 0 ? [1] : []

    content {
      actions = ["sts:AssumeRole"]

      principals {
        type        = var.people == null ? "Service" : "AWS"
        identifiers = var.people == null ? ["${var.service}.amazonaws.com"] : var.people.principals
      }

      # Another account's resource cannot make the service borrow the role. What CloudTrail sends with its call AWS does not
      # say, and where a condition does not hold no trail is made: a role for it may write its log and nothing else.
      dynamic "condition" {
        for_each = [for service in var.service[*] : service if service != "cloudtrail"]

        content {
          test     = "StringEquals"
          variable = "aws:SourceAccount"
          values   = [data.aws_caller_identity.this.account_id]
        }
      }

      dynamic "condition" {
        for_each = try(var.people.mfa, false) ? ["true"] : []

        content {
          test     = "Bool"
          variable = "aws:MultiFactorAuthPresent"
          values   = [condition.value]
        }
      }
    }
  }
}

data "aws_iam_policy_document" "this" {
  dynamic "statement" {
    for_each = var.permissions

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = statement.value.only_if

        content {
          test     = "StringLike"
          variable = condition.key
          values   = condition.value
        }
      }
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "permissions"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
