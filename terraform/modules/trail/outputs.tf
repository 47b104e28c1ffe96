output "trail" {
  description = "The trail, and the log group that its events are written to."
  value       = { arn = aws_cloudtrail.this.arn, log_group = aws_cloudwatch_log_group.this.name }
}
