# Who delivers: GitHub Actions takes one of three roles by its identity token, and no key is kept anywhere.
#
# plan reads the account and the state; image pushes to the one repository; apply builds the platform. What apply may do is
# bounded by the services that the platform uses and, for roles, by the environment's names.

locals {
  delivers = var.github == null ? {} : {
    plan  = { subjects = var.github.subjects.plan, does = "Plans ${local.prefix}; changes nothing" }
    apply = { subjects = var.github.subjects.apply, does = "Builds ${local.prefix} as planned" }
    image = { subjects = var.github.subjects.image, does = "Pushes the image of ${local.prefix}" }
  }

  arn   = "arn:${data.aws_partition.this.partition}"
  place = "${var.region}:${local.account}"

  # By service, everything of the environment.
  named = {
    athena     = ["${local.arn}:athena:${local.place}:workgroup/${local.prefix}"]
    cloudtrail = ["${local.arn}:cloudtrail:${local.place}:trail/${local.prefix}-*"]
    cloudwatch = ["${local.arn}:cloudwatch:${local.place}:alarm:${local.prefix}-*", "${local.arn}:cloudwatch::${local.account}:dashboard/${local.prefix}"]
    dynamodb   = ["${local.arn}:dynamodb:${local.place}:table/${local.prefix}-*"]
    ecr        = ["${local.arn}:ecr:${local.place}:repository/${local.prefix}-console"]
    ecs        = [for kind in ["cluster", "service", "task-definition"] : "${local.arn}:ecs:${local.place}:${kind}/${local.prefix}-*"]
    elasticloadbalancing = [
      for kind in ["listener/app", "loadbalancer/app", "targetgroup"] : "${local.arn}:elasticloadbalancing:${local.place}:${kind}/${local.prefix}-*"
    ]
    events = ["${local.arn}:events:${local.place}:rule/${local.prefix}-*"]
    glue = concat(
      [for kind in ["crawler", "job"] : "${local.arn}:glue:${local.place}:${kind}/${local.prefix}-*"],
      [for kind in ["database", "table"] : "${local.arn}:glue:${local.place}:${kind}/${replace(local.prefix, "-", "_")}_*"],
      ["${local.arn}:glue:${local.place}:catalog"],
    )
    kinesis   = ["${local.arn}:kinesis:${local.place}:stream/${local.prefix}-*"]
    lambda    = [for kind in ["function", "layer"] : "${local.arn}:lambda:${local.place}:${kind}:${local.prefix}-*"]
    logs      = ["${local.arn}:logs:${local.place}:log-group:*${local.prefix}-*"]
    s3        = ["${local.arn}:s3:::${local.prefix}-*"]
    sagemaker = ["${local.arn}:sagemaker:${local.place}:*/${local.prefix}-*"]
    scheduler = ["${local.arn}:scheduler:${local.place}:schedule/default/${local.prefix}-*"]
    sns       = ["${local.arn}:sns:${local.place}:${local.prefix}-*"]
    sqs       = ["${local.arn}:sqs:${local.place}:${local.prefix}-*"]
    states    = ["${local.arn}:states:${local.place}:stateMachine:${local.prefix}-*"]
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.github == null ? 0 : 1

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "delivery" {
  for_each = local.delivers

  name                 = "${local.prefix}-delivery-${each.key}"
  description          = each.value.does
  assume_role_policy   = data.aws_iam_policy_document.delivery_trust[each.key].json
  max_session_duration = 7200
  permissions_boundary = var.boundary_arn
}

data "aws_iam_policy_document" "delivery_trust" {
  for_each = local.delivers

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github[0].arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = each.value.subjects
    }
  }
}

data "aws_iam_policy_document" "delivery" {
  for_each = local.delivers

  # Images.
  dynamic "statement" {
    for_each = each.key == "image" ? ["token"] : []

    content {
      sid       = "EnterRegistry"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "image" ? ["push"] : []

    content {
      sid = "PushImage"
      actions = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
        "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
      ]
      resources = [aws_ecr_repository.ml.arn]
    }
  }

  # State: plan reads it without a lock, apply locks and writes.
  dynamic "statement" {
    for_each = each.key == "image" ? [] : ["state"]

    content {
      sid       = "FindState"
      actions   = ["s3:ListBucket"]
      resources = [aws_s3_bucket.this["state"].arn]
    }
  }

  dynamic "statement" {
    for_each = each.key == "image" ? [] : ["state"]

    content {
      sid       = "ReadState"
      actions   = each.key == "apply" ? ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"] : ["s3:GetObject"]
      resources = ["${aws_s3_bucket.this["state"].arn}/*"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "image" ? [] : ["key"]

    content {
      sid       = "UseKey"
      actions   = each.key == "apply" ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
      resources = [aws_kms_key.this.arn]
    }
  }

  # Building: the services that the platform uses, on what bears the environment's name.
  dynamic "statement" {
    for_each = each.key == "apply" ? local.named : {}

    content {
      sid       = "Build${title(statement.key)}"
      actions   = ["${statement.key}:*"]
      resources = statement.value
    }
  }

  # A key has no name of ours, but our tag.
  dynamic "statement" {
    for_each = each.key == "apply" ? ["keys"] : []

    content {
      sid       = "KeepKeys"
      actions   = ["kms:*"]
      resources = ["*"]

      condition {
        test     = "StringEquals"
        variable = "aws:ResourceTag/project"
        values   = [var.prefix]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "apply" ? ["make"] : []

    content {
      sid       = "MakeKeys"
      actions   = ["kms:CreateKey", "kms:TagResource"]
      resources = ["*"]

      condition {
        test     = "StringEquals"
        variable = "aws:RequestTag/project"
        values   = [var.prefix]
      }
    }
  }

  # What knows no resources of a name: APIs, networks, lists.
  dynamic "statement" {
    for_each = each.key == "apply" ? ["rest"] : []

    content {
      sid = "BuildWhatHasNoName"
      actions = concat(
        ["apigateway:*", "ec2:*", "ecs:DeregisterTaskDefinition", "kms:ListAliases"],
        [for verb in ["Create", "Delete", "Get", "Update"] : "lambda:${verb}EventSourceMapping"],
        [for verb in ["Create", "Delete", "Get"] : "glue:${verb}SecurityConfiguration"],
        [for verb in ["DeleteScalingPolicy", "DeregisterScalableTarget", "DescribeScalableTargets", "DescribeScalingPolicies", "ListTagsForResource", "PutScalingPolicy", "RegisterScalableTarget"] : "application-autoscaling:${verb}"],
        [for service in ["athena", "cloudtrail", "cloudwatch", "dynamodb", "ecr", "ecs", "events", "glue", "kinesis", "lambda", "logs", "sagemaker", "scheduler", "sns", "sqs", "states"] : "${service}:List*"],
        [for service in ["cloudtrail", "cloudwatch", "dynamodb", "ecr", "ecs", "elasticloadbalancing", "events", "kinesis", "logs", "sagemaker", "states"] : "${service}:Describe*"],
      )
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "apply" ? ["roles"] : []

    content {
      sid = "KeepRoles"
      actions = [
        "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:PassRole", "iam:TagRole", "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
      ]
      resources = ["${local.arn}:iam::${local.account}:role/${local.prefix}-*"]
    }
  }

  # Where there is a boundary, no role gets a policy without it, and it is taken from none.
  dynamic "statement" {
    for_each = each.key == "apply" ? ["make"] : []

    content {
      sid       = "MakeRoles"
      actions   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
      resources = ["${local.arn}:iam::${local.account}:role/${local.prefix}-*"]

      dynamic "condition" {
        for_each = var.boundary_arn[*]

        content {
          test     = "StringEquals"
          variable = "iam:PermissionsBoundary"
          values   = [condition.value]
        }
      }
    }
  }

  # Nobody who delivers rewrites who delivers.
  dynamic "statement" {
    for_each = each.key == "apply" ? ["own"] : []

    content {
      sid         = "LeaveDeliveryAlone"
      effect      = "Deny"
      not_actions = ["iam:Get*", "iam:List*"]
      resources   = ["${local.arn}:iam::${local.account}:role/${local.prefix}-delivery-*"]
    }
  }
}

resource "aws_iam_role_policy" "delivery" {
  for_each = local.delivers

  name   = "deliver"
  role   = aws_iam_role.delivery[each.key].id
  policy = data.aws_iam_policy_document.delivery[each.key].json
}

# A plan reads whatever Terraform refreshes. AWS keeps the list; data in the lake is left out below.
resource "aws_iam_role_policy_attachment" "plan" {
  count = var.github == null ? 0 : 1

  role       = aws_iam_role.delivery["plan"].name
  policy_arn = "${local.arn}:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy" "plan_reads_no_data" {
  count = var.github == null ? 0 : 1

  name = "reads-no-data"
  role = aws_iam_role.delivery["plan"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ReadNoSecrets"
      Effect   = "Deny"
      Action   = ["ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters", "ssm:GetParametersByPath"]
      Resource = "*"
      }, {
      Sid    = "ReadNoData"
      Effect = "Deny"
      Action = [
        "athena:GetQueryResults", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PartiQLSelect", "dynamodb:Query",
        "dynamodb:Scan", "kinesis:GetRecords", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartLiveTail", "logs:StartQuery",
        "s3:GetObject", "s3:GetObjectVersion", "sagemaker:BatchGetRecord", "sagemaker:GetRecord", "sqs:ReceiveMessage",
      ]
      NotResource = "${aws_s3_bucket.this["state"].arn}/*" # the state is all that a plan reads
    }]
  })
}
