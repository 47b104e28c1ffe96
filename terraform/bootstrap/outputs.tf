output "artifacts_bucket" {
  description = "Where `make deploy` puts code."
  value       = aws_s3_bucket.this["artifacts"].id
}

output "image_repository" {
  description = "Where `make image` pushes to."
  value       = aws_ecr_repository.ml.repository_url
}

output "ci_roles" {
  description = "Roles of GitHub Actions by what they do: plan, apply, image."
  value       = { for does, role in aws_iam_role.delivery : does => role.arn }
}

output "state_bucket" {
  description = "Where the three states live."
  value       = aws_s3_bucket.this["state"].id
}
