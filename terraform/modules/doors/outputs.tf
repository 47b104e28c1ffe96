output "api_url" {
  description = "Base URL of the API door."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "stream_name" {
  description = "The payment stream."
  value       = aws_kinesis_stream.transactions.name
}

output "watched" {
  description = "What alarms and the dashboard look at."
  value = {
    api_id       = aws_apigatewayv2_api.this.id
    functions    = { decide = module.decide.name, stream = module.stream.name }
    failed_queue = aws_sqs_queue.failed.name
    stream       = aws_kinesis_stream.transactions.name
  }
}
