# Partial: `terraform init` is given the bucket that the bootstrap stack made.
terraform {
  backend "s3" {
    key          = "platform.tfstate"
    use_lockfile = true
  }
}
