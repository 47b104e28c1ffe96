output "jobs" {
  description = "Glue job names by script."
  value       = { for key, job in aws_glue_job.this : key => job.name }
}
