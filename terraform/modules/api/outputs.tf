output "execution_arn" {
  description = "The API as policies of whoever asks it name it."
  value       = aws_apigatewayv2_api.this.execution_arn
}

output "functions" {
  description = "Names of the functions by short name."
  value       = { decide = module.decide.name, document = module.document.name, labels = module.labels.name, lists = module.lists.name, loans = module.loans.name }
}

output "id" {
  description = "The API, for routes that join it."
  value       = aws_apigatewayv2_api.this.id
}

output "tokens" {
  description = "Who checks tokens, and the scopes that they must have by route, for routes that join the API."
  value       = { authorizer_id = one(aws_apigatewayv2_authorizer.tokens[*].id), scopes = local.tokens }
}

output "url" {
  description = "Base URL of the API, with its version."
  value       = "${aws_apigatewayv2_api.this.api_endpoint}/v1"
}
