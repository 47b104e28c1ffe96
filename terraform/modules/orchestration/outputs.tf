output "arns" {
  description = "State machine ARNs by short name."
  value       = { for key, machine in aws_sfn_state_machine.this : key => machine.arn }
}

output "function" {
  description = "Name of the function that seals the decision log."
  value       = module.seal.name
}
