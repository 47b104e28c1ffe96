output "function" {
  description = "Name of the function that makes an approved model serve."
  value       = module.function.name
}

output "parameters" {
  description = "Names of the release parameters by problem."
  value       = { for problem, parameter in aws_ssm_parameter.release : problem => parameter.name }
}
