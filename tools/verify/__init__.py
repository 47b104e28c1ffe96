"""`make verify-log ENV=<env>`: whether the decision log is what was sealed."""
