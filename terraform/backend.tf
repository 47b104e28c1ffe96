# Partial: environments/<env>.s3.tfbackend names the bucket.
terraform {
  backend "s3" {
    key          = "platform.tfstate"
    use_lockfile = true
  }
}
