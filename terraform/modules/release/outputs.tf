output "function" {
  description = "Name of the function that makes an approved model serve."
  value       = module.function.name
}

output "tables" {
  description = "Tables of the documents that decide: of the release function's, and of operators'."
  value       = { for owner, table in aws_dynamodb_table.documents : owner => { name = table.name, arn = table.arn } }
}
