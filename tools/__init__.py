"""What make runs: packaging, uploading, the AWS life cycle."""
