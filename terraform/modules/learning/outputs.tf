output "retraining_arn" {
  description = "State machine that trains a model anew when what it scores has drifted."
  value       = aws_sfn_state_machine.retrain.arn
}

output "roles" {
  description = "Role ARNs by kind of job: `<problem>-model`, `<problem>-api`, `<problem>-watch`, `decide-loans`, `drift`, `score-set` and the steps of the pipelines."
  value       = { for kind, role in module.role : kind => role.arn }
}
