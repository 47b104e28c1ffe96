output "parameters" {
  description = "Names of the release parameters by problem."
  value       = { for problem, parameter in aws_ssm_parameter.release : problem => parameter.name }
}
