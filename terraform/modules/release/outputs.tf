output "function" {
  description = "Name of the function that makes an approved model serve."
  value       = module.function.name
}

output "abort_alarm_arn" {
  description = "Alarm that whoever watches a release sets to undo it."
  value       = aws_cloudwatch_metric_alarm.abort.arn
}

output "machine_arn" {
  description = "State machine that releases a version."
  value       = aws_sfn_state_machine.this.arn
}

output "tables" {
  description = "Tables of the documents that decide: of the release function's, and of operators'."
  value       = { for owner, table in aws_dynamodb_table.documents : owner => { name = table.name, arn = table.arn } }
}
