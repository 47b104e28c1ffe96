# What the environment may cost in a month; who pays is told before it is spent.

resource "aws_budgets_budget" "this" {
  count = var.budget == null ? 0 : 1

  name         = local.prefix
  budget_type  = "COST"
  limit_amount = tostring(var.budget.dollars)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = ["user:environment$${var.environment}"]
  }

  dynamic "notification" {
    for_each = [80, 100]

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = "ACTUAL"
      subscriber_email_addresses = var.budget.emails
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
    }
  }
}
