output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "environment" {
  description = "Environment variables, as they were given."
  value       = var.environment
}

output "invoke_arn" {
  description = "ARN by which API Gateway calls the function, or the alias whose instances wait."
  value       = var.code.provisioned > 0 ? aws_lambda_alias.this[0].invoke_arn : aws_lambda_function.this.invoke_arn
}

output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "permissions" {
  description = "What the function may do, as it was given."
  value       = module.role.permissions
}

output "qualifier" {
  description = "Alias whose instances wait for calls; null where none wait."
  value       = one(aws_lambda_alias.this[*].name)
}

output "role_name" {
  description = "Name of the function's role."
  value       = module.role.name
}
