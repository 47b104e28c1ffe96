# Known once the role has its permissions: what takes it on uses them at once.

output "arn" {
  description = "ARN of the role."
  value       = aws_iam_role.this.arn
  depends_on  = [aws_iam_role_policy.this]
}

output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
  depends_on  = [aws_iam_role_policy.this]
}

output "permissions" {
  description = "What the role may do, as it was given."
  value       = var.permissions
}
