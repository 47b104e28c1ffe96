output "network" {
  description = "Where members of the network run: subnets and security group."
  value = {
    subnet_ids         = aws_subnet.private[*].id
    security_group_ids = [aws_security_group.members.id]
    zones              = local.zones
  }
}
