"""What is left of an environment is found by its tags, whatever it is called, and no more once it is gone."""

from __future__ import annotations

import pytest

from tools.terraform import remains


@pytest.fixture
def tags(aws, monkeypatch) -> dict[str, str]:
    """Of an environment that no other test has; the process's environment points to its account."""
    for variable, value in aws.aws.environment().items():
        monkeypatch.setenv(variable, value)
    return {"project": "risk", "environment": aws.name("e")}


def test_tagged_resources_are_found_until_they_are_gone_and_a_key_until_its_deletion_is_due(aws, tags):
    crawler, pairs = aws.name("by-any-name"), [{"Key": key, "Value": value} for key, value in tags.items()]
    kms, sns, glue = aws.client("kms"), aws.client("sns"), aws.client("glue")
    key = kms.create_key(Tags=[{"TagKey": p["Key"], "TagValue": p["Value"]} for p in pairs])["KeyMetadata"]["Arn"]
    topic = sns.create_topic(Name=aws.name("by-any-name"), Tags=pairs)["TopicArn"]
    sns.create_topic(Name=aws.name("other"), Tags=[{"Key": "project", "Value": "risk"}])
    target = {"S3Targets": [{"Path": f"s3://{aws.bucket()}"}]}
    glue.create_crawler(Name=crawler, Role=aws.role(), Targets=target, DatabaseName="d", Tags=tags)

    found = remains.tagged(tags)
    assert [arn.partition(":eu-west-1:")[0] for arn in found] == ["arn:aws:glue", "arn:aws:kms", "arn:aws:sns"]

    kms.schedule_key_deletion(KeyId=key)
    sns.delete_topic(TopicArn=topic)
    glue.delete_crawler(Name=crawler)
    assert remains.tagged(tags) == []
