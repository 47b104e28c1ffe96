output "crawlers" {
  description = "Crawlers by what they make known to Athena: new days of decisions, and what came to RAW."
  value       = { for what, crawler in aws_glue_crawler.this : what => crawler.name }
}

output "workgroup" {
  description = "Workgroup of the analysts, and the database of predictions."
  value = {
    name                 = aws_athena_workgroup.this.name
    arn                  = aws_athena_workgroup.this.arn
    predictions_database = aws_glue_catalog_database.this["predictions"].name
  }
}
