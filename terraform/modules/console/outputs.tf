output "listener_arn" {
  description = "The listener that asks people to sign in, which `make console-secret` gives the client's secret."
  value       = aws_lb_listener.this.arn
}

output "load_balancer" {
  description = "What the hostname must lead to."
  value       = aws_lb.this.dns_name
}

output "repository" {
  description = "Where `make console-image` pushes the image."
  value       = aws_ecr_repository.this.name
}

output "role_arn" {
  description = "The console's own role, which takes the roles of people."
  value       = module.role.arn
}

output "url" {
  description = "Where the console is."
  value       = "https://${var.served_as.hostname}"
}
