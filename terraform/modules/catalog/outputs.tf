output "decisions_crawler" {
  description = "Crawler that makes new days of decisions known."
  value       = aws_glue_crawler.this["decisions"].name
}

output "workgroup" {
  description = "Workgroup of the analysts, and the database of predictions."
  value = {
    name                 = aws_athena_workgroup.this.name
    arn                  = aws_athena_workgroup.this.arn
    predictions_database = aws_glue_catalog_database.this["predictions"].name
  }
}
