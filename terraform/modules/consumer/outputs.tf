output "function" {
  description = "Name of the consumer's function."
  value       = module.function.name
}
