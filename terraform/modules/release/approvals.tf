# Approvals come one at a time from the registry's queue.

resource "aws_lambda_event_source_mapping" "approvals" {
  function_name           = module.function.arn
  event_source_arn        = var.approvals_queue_arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"] # an approval that waits is no error, and rings no alarm
}
