# What the key is made of.

mock_provider "aws" {
  source = "../../mocks"
}

variables {
  keep_data = true
  prefix    = "risk-dev"
}

run "turns_and_can_be_brought_back" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "The key turns, and a deleted one can be brought back."
  }
}
