output "name" {
  description = "Name of the endpoint. Ready once it serves."
  value       = aws_sagemaker_endpoint.this.name
}
