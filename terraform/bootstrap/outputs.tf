output "artifacts_bucket" {
  description = "Where `make upload` puts code."
  value       = aws_s3_bucket.this["artifacts"].id
}

output "image_repository" {
  description = "Where the image for processing, training and serving is pushed."
  value       = aws_ecr_repository.ml.repository_url
}

output "state_bucket" {
  description = "Where the root keeps its state."
  value       = aws_s3_bucket.this["state"].id
}
