output "approvals" {
  description = "Queue that approvals wait in, and queue of those that were given up."
  value       = { name = aws_sqs_queue.approvals.name, arn = aws_sqs_queue.approvals.arn, failed_queue = aws_sqs_queue.failed.name }
}

output "problems" {
  description = "Problems that have a registry of models."
  value       = keys(aws_sagemaker_model_package_group.this)
}
