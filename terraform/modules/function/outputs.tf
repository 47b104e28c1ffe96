output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "invoke_arn" {
  description = "ARN by which API Gateway calls the function."
  value       = aws_lambda_function.this.invoke_arn
}

output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "permissions" {
  description = "What the function may do, as it was given."
  value       = module.role.permissions
}

output "role_name" {
  description = "Name of the function's role."
  value       = module.role.name
}
