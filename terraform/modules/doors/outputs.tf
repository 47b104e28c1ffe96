output "api_url" {
  description = "Base URL of the API door."
  value       = aws_apigatewayv2_api.this.api_endpoint
}

output "failed_queue" {
  description = "Queue of what the stream door gave up."
  value       = aws_sqs_queue.failed.name
}

output "uncounted_queue" {
  description = "Queue of what the counter of merchants' traffic gave up."
  value       = aws_sqs_queue.uncounted.name
}

output "functions" {
  description = "Names of the functions: of the doors, and of the counter behind the stream door."
  value       = { decide = module.decide.name, labels = module.labels.name, merchants = module.merchants.name, stream = module.stream.name }
}

output "stream_name" {
  description = "The payment stream."
  value       = aws_kinesis_stream.transactions.name
}
