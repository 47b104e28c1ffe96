output "queue" {
  description = "The queue that keeps payments for whoever reviews them."
  value       = { name = aws_sqs_queue.this.name, arn = aws_sqs_queue.this.arn }
}

output "topic_arn" {
  description = "The topic that tells of them."
  value       = aws_sns_topic.this.arn
}
