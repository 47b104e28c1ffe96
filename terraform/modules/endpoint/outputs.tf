output "name" {
  description = "Name of the endpoint. Ready once it serves."
  value       = aws_sagemaker_endpoint.this.name
}

output "release" {
  description = "The bootstrap release: model and endpoint configuration."
  value = {
    model_name      = aws_sagemaker_model.bootstrap.name
    endpoint_config = aws_sagemaker_endpoint_configuration.bootstrap.name
  }
}
