output "name" {
  description = "Name of the feature group."
  value       = aws_sagemaker_feature_group.this.feature_group_name
}
