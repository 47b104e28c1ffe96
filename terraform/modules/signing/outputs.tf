output "key_arn" {
  description = "The key that the API door's events are signed by."
  value       = aws_kms_key.this.arn
}
