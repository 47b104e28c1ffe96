output "failed_queue" {
  description = "The queue of what could not be put into a case."
  value       = { name = aws_sqs_queue.failed.name, arn = aws_sqs_queue.failed.arn }
}

output "queue" {
  description = "The queue that keeps payments until they are in a case."
  value       = { name = aws_sqs_queue.this.name, arn = aws_sqs_queue.this.arn }
}

output "topic_arn" {
  description = "The topic that tells of them."
  value       = aws_sns_topic.this.arn
}
