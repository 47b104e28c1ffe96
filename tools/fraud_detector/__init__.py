"""The way over from Amazon Fraud Detector: its rules, lists, labels and events become files of ours."""
