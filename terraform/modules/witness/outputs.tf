output "bucket" {
  description = "The bucket of locked copies."
  value       = { name = aws_s3_bucket.this.bucket, arn = aws_s3_bucket.this.arn }
}
