output "roles" {
  description = "Role ARNs by kind of job: `<problem>-model`, `drift`, `score-set` and the steps of the pipelines."
  value       = { for kind, role in module.role : kind => role.arn }
}
