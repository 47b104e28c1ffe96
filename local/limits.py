"""AWS's limits, as far as the local AWS keeps them. One table: a number is looked up here, and nowhere else.

Each is the quota of a new account by AWS's documentation of November 2026. Where its pages differ, because one was
raised, the smaller number stands: what passes here passes there.
"""

from __future__ import annotations

KB = 1024
MB = 1024 * KB

# Lambda
SYNCHRONOUS_PAYLOAD = 6 * MB  # request, and response
ASYNCHRONOUS_PAYLOAD = 1 * MB
FUNCTION_ENVIRONMENT = 4 * KB  # names and values together
STREAM_BATCH = (1, 10_000)  # BatchSize of a mapping from a stream
PARALLELIZATION = (1, 10)  # ParallelizationFactor
BATCHING_WINDOW_SECONDS = (0, 300)
RETRIES = (-1, 10_000)
RECORD_AGE_SECONDS = (60, 604_800)  # or -1, for ever
TUMBLING_WINDOW_SECONDS = (0, 900)

# Kinesis: of one shard of a provisioned stream. An on-demand stream scales by itself, and is not held back here.
SHARD_BYTES_PER_SECOND = 1 * MB
SHARD_RECORDS_PER_SECOND = 1_000

# Step Functions
STATE_PAYLOAD = 256 * KB  # input or output of an execution, a state or a task

# EventBridge
EVENT_ENTRIES = 256 * KB  # all entries of one PutEvents

# Athena
ATHENA_OPEN_PARTITIONS = 100  # of one CTAS or INSERT INTO
