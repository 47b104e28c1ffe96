output "looked_at" {
  description = "What the console's pages read, as permissions by statement id."
  value       = local.looked_at
}

output "roles" {
  description = "Role ARNs by kind of work."
  value       = { for name, role in module.role : name => role.arn }
}

output "permissions" {
  description = "What each role may do."
  value       = { for name, role in module.role : name => role.permissions }
}
