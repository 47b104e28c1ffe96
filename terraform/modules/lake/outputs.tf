output "bucket" {
  description = "The lake's bucket and the key that encrypts it. Ready once encryption and access blocks are in place."
  value = {
    name        = aws_s3_bucket.this.id
    arn         = aws_s3_bucket.this.arn
    kms_key_arn = aws_kms_key.this.arn
  }

  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
  ]
}
