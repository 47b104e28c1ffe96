output "alarm_topic_arn" {
  description = "Topic that every alarm is sent to."
  value       = module.watch.alarm_topic_arn
}

output "alert_topic_arn" {
  description = "SNS topic that carries a message per blocked payment."
  value       = aws_sns_topic.fraud_alerts.arn
}

output "api_url" {
  description = "Where the API door answers `POST /decisions`, signed for execute-api."
  value       = module.doors.api_url
}

output "artifacts_bucket" {
  description = "Where `make upload` puts code."
  value       = local.artifacts.bucket
}

output "athena_workgroup" {
  description = "Workgroup of the analysts."
  value       = module.catalog.workgroup.name
}

output "endpoint_name" {
  description = "The fraud endpoint."
  value       = module.endpoint.name
}

output "lake_bucket" {
  description = "The lake."
  value       = module.lake.bucket.name
}

output "prefix" {
  description = "Beginning of every resource's name."
  value       = local.prefix
}

output "state_machines" {
  description = "State machine ARNs by short name."
  value       = module.orchestration.arns
}

output "stream_name" {
  description = "The payment stream."
  value       = module.doors.stream_name
}
