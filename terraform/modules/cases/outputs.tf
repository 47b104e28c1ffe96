output "answers_topic_arn" {
  description = "The topic that tells what was decided of a payment."
  value       = aws_sns_topic.answers.arn
}

output "table" {
  description = "The table of cases."
  value       = { name = aws_dynamodb_table.this.name, arn = aws_dynamodb_table.this.arn }
}
