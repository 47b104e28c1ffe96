# Partial: `terraform init` is given the bucket that the bootstrap state lies in.
terraform {
  backend "s3" {
    key          = "data.tfstate"
    use_lockfile = true
  }
}
