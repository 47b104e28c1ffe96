"""Records that the stream door seems to have given up."""

from __future__ import annotations

import json

from tools.operate.platform import Platform


def given_up(platform: Platform, *records: bytes) -> None:
    """Records on the stream, each named by a message of the queue of what the stream door gave up."""
    kinesis, sqs, name = platform.client("kinesis"), platform.client("sqs"), platform.outputs["stream_name"]
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    url = sqs.get_queue_url(QueueName=f"{platform.prefix}-stream-failed")["QueueUrl"]
    for data in records:
        put = kinesis.put_record(StreamName=name, Data=data, PartitionKey="C1")
        batch = {"shardId": put["ShardId"], "batchSize": 1, "streamArn": arn}
        batch |= dict.fromkeys(("startSequenceNumber", "endSequenceNumber"), put["SequenceNumber"])
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"KinesisBatchInfo": batch}))
