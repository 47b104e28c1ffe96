output "functions" {
  description = "Names of the functions by short name."
  value       = { cases = module.cases.name, intake = module.intake.name }
}
