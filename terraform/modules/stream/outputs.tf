output "failed_queue" {
  description = "Queue of what was given up."
  value       = { name = aws_sqs_queue.failed.name, arn = aws_sqs_queue.failed.arn }
}

output "stream" {
  description = "The stream."
  value       = { name = aws_kinesis_stream.this.name, arn = aws_kinesis_stream.this.arn }
}
