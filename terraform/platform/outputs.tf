output "alarm_topic_arn" {
  description = "Topic that every alarm is sent to."
  value       = module.watch.alarm_topic_arn
}

output "alert_topic_arn" {
  description = "SNS topic that carries a message per blocked payment."
  value       = aws_sns_topic.fraud_alerts.arn
}

output "api_url" {
  description = "Base URL of the API, with its version: `POST <api_url>/decisions` decides, signed for execute-api."
  value       = module.api.url
}

output "artifacts_bucket" {
  description = "Where `make deploy` puts code."
  value       = local.artifacts.bucket
}

output "athena_workgroup" {
  description = "Workgroup of the analysts."
  value       = local.held.catalog.workgroup.name
}

output "console" {
  description = "The console's container: where it is, what its name must lead to, the listener that asks people to sign in, and the repository of its image; null where there is none."
  value       = one([for console in module.console : { url = console.url, load_balancer = console.load_balancer, listener_arn = console.listener_arn, repository = console.repository }])
}

output "console_reads" {
  description = "What the console's pages read, as permissions by statement id: those of its container's role, whether there is one or not."
  value       = local.console_reads
}

output "endpoint_name" {
  description = "The fraud endpoint."
  value       = module.endpoint.name
}

output "kms_key_arn" {
  description = "Key that encrypts what the platform holds."
  value       = local.held.lake.kms_key_arn
}

output "lake_bucket" {
  description = "The lake."
  value       = local.held.lake.name
}

output "metric_namespace" {
  description = "CloudWatch namespace of the platform's own metrics."
  value       = local.namespace
}

output "people" {
  description = "Role ARNs by kind of work, for whoever may take them."
  value       = module.people.roles
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
  value       = local.held.streams.transactions.name
}
