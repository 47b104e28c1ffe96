output "answers" {
  description = "The table of the API door's answers."
  value       = module.answers.table
}

output "cases" {
  description = "The table of review cases, and the topic that tells what was decided of a payment."
  value       = { table = module.cases.table, answers_topic_arn = module.cases.answers_topic_arn }
}

output "lists" {
  description = "The table of the lists that rules look up."
  value       = module.lists.table
}

output "reviews" {
  description = "Topic and queue of payments that a person must look at, and the queue of those that came into no case."
  value       = { topic_arn = module.reviews.topic_arn, queue = module.reviews.queue, failed_queue = module.reviews.failed_queue }
}

output "signing_key_arn" {
  description = "The key that the API door's events are signed by."
  value       = module.signing.key_arn
}

output "tails" {
  description = "The table of customers' tails: payments that were decided and may not be in the customer's record yet."
  value       = module.answers.tails
}

output "approvals" {
  description = "Queue that approvals of models wait in, and queue of those that were given up."
  value       = module.registry.approvals
}

output "catalog" {
  description = "Crawlers by what they make known, the analysts' workgroup, and the beginning of every database's name."
  value = {
    crawlers        = module.catalog.crawlers
    database_prefix = local.database
    workgroup       = module.catalog.workgroup
  }
}

output "entities" {
  description = "Kinds of rows that batches bring, and tables of vectors."
  value = {
    brought = [for table in var.tables : table.name if table.zone == "silver"]
    vectors = [for table in var.tables : table.name if table.zone == "gold"]
  }
}

output "feature_groups" {
  description = "Feature group names by short name: all of them, and those that the night publishes."
  value       = module.feature_store.names
}

output "lake" {
  description = "The lake's bucket and the key that encrypts it."
  value       = module.lake.bucket
}

output "problems" {
  description = "Problems that have a registry of models."
  value       = module.registry.problems
}

output "streams" {
  description = "Streams of payments by what they hold, each with the queue of what its reader gave up."
  value = {
    for name, made in { merchants = module.merchants, transactions = module.transactions } :
    name => { name = made.stream.name, arn = made.stream.arn, failed_queue = made.failed_queue.name, failed_queue_arn = made.failed_queue.arn }
  }
}

output "trail" {
  description = "The trail and its log group; null where there is none."
  value       = one(module.trail[*].trail)
}

output "witness" {
  description = "The bucket of locked copies of seals; null where there is none."
  value       = one(module.witness[*].bucket)
}
