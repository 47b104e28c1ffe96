output "execution_role_arn" {
  description = "Role of jobs, models and endpoints. Ready once its policy is attached."
  value       = aws_iam_role.execution.arn

  depends_on = [aws_iam_role_policy.execution]
}
