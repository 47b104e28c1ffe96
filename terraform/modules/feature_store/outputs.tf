output "names" {
  description = "Feature group names by short name: all of them, and those that the night publishes."
  value = {
    all       = { for name, group in merge(module.published, module.later, module.declared) : name => group.name }
    published = { for name, group in merge(module.published, module.later, module.declared) : name => group.name if !contains(keys(var.counted), name) }
  }
}
