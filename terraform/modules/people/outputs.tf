output "roles" {
  description = "Role ARNs by kind of work."
  value       = { for name, role in module.role : name => role.arn }
}

output "permissions" {
  description = "What each role may do."
  value       = { for name, role in module.role : name => role.permissions }
}
