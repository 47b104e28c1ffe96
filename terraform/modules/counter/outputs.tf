output "function" {
  description = "Name of the counter's function."
  value       = module.function.name
}
