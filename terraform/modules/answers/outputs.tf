output "table" {
  description = "The table of answers."
  value       = { name = aws_dynamodb_table.this.name, arn = aws_dynamodb_table.this.arn }
}

output "tails" {
  description = "The table of customers' tails."
  value       = { name = aws_dynamodb_table.tails.name, arn = aws_dynamodb_table.tails.arn }
}
