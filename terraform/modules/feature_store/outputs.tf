output "names" {
  description = "Feature group names by short name."
  value       = { for key, group in aws_sagemaker_feature_group.this : key => group.feature_group_name }
}
