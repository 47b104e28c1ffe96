"""Everything that keeps something keeps it under the customer's key."""

from __future__ import annotations

import json

import pytest

from tests.unit.guard.pieces import KEY, change, plan, said
from tools.guard import keys

FULL = {
    "aws_athena_workgroup": lambda key: {
        "configuration": [{"result_configuration": [{"encryption_configuration": [{"kms_key_arn": key}]}]}]
    },
    "aws_cloudtrail": lambda key: {"kms_key_id": key},
    "aws_cloudwatch_log_group": lambda key: {"kms_key_id": key},
    "aws_dynamodb_table": lambda key: {"server_side_encryption": [{"enabled": True, "kms_key_arn": key}]},
    "aws_ecr_repository": lambda key: {"encryption_configuration": [{"encryption_type": "KMS", "kms_key": key}]},
    "aws_kinesis_firehose_delivery_stream": lambda key: {"extended_s3_configuration": [{"kms_key_arn": key}]},
    "aws_kinesis_stream": lambda key: {"encryption_type": "KMS", "kms_key_id": key},
    "aws_s3_bucket_server_side_encryption_configuration": lambda key: {
        "rule": [{"apply_server_side_encryption_by_default": [{"kms_master_key_id": key}]}]
    },
    "aws_sagemaker_endpoint_configuration": lambda key: {"kms_key_arn": key},
    "aws_sns_topic": lambda key: {"kms_master_key_id": key},
    "aws_sqs_queue": lambda key: {"kms_master_key_id": key},
}
ENCRYPTION = "aws_s3_bucket_server_side_encryption_configuration"


def found(*changes, **more):
    return said(keys.findings(plan(*changes, **more)))


def test_every_kind_that_names_a_key_is_tried():
    assert set(FULL) == set(keys.KEYS)


@pytest.mark.parametrize("kind", sorted(FULL))
def test_the_customers_key_passes(kind):
    assert found(change(f"{kind}.this", FULL[kind](KEY))) == []


@pytest.mark.parametrize("kind", sorted(FULL))
@pytest.mark.parametrize("key", [None, "", "alias/aws/kinesis"])
def test_no_key_and_a_key_of_aws_do_not_pass(kind, key):
    (finding,) = found(change(f"{kind}.this", FULL[kind](key)))

    assert finding.startswith(f"{kind}.this: ")


@pytest.mark.parametrize("kind", sorted(FULL))
def test_no_block_that_could_name_a_key_does_not_pass(kind):
    assert len(found(change(f"{kind}.this", {}))) == 1


def test_a_key_that_is_made_by_the_same_apply_passes():
    unknown = {"rule": [{"apply_server_side_encryption_by_default": [{"kms_master_key_id": True}]}]}
    values = {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}]}

    assert found(change(f"{ENCRYPTION}.this", values, unknown=unknown)) == []


def test_a_block_that_only_the_apply_will_tell_passes():
    assert found(change("aws_dynamodb_table.this", {}, unknown={"server_side_encryption": True})) == []


@pytest.mark.parametrize(("store", "path"), sorted(keys.FEATURE_GROUP.items()))
def test_a_feature_groups_stores_each_need_the_key(store, path):
    outer, inner = path.split("[].")[0], path.split("[].")[1]

    assert outer == store
    assert len(found(change("aws_sagemaker_feature_group.this", {store: [{inner: []}]}))) == 1
    assert found(change("aws_sagemaker_feature_group.this", {store: [{inner: [{"kms_key_id": KEY}]}]})) == []
    assert found(change("aws_sagemaker_feature_group.this", {store: []})) == []


def test_a_secret_parameter_needs_the_key_and_an_open_one_does_not():
    assert len(found(change("aws_ssm_parameter.this", {"type": "SecureString"}))) == 1
    assert found(change("aws_ssm_parameter.this", {"type": "String"})) == []


def test_a_bucket_without_encryption_does_not_pass():
    assert found(change("module.a.aws_s3_bucket.this", {"bucket": "lake"})) == [
        f"module.a.aws_s3_bucket.this: has no encryption: declare {ENCRYPTION} for it"
    ]


def test_a_buckets_encryption_is_found_by_its_name():
    encryption = FULL[ENCRYPTION](KEY) | {"bucket": "lake"}

    assert found(change("aws_s3_bucket.a", {"bucket": "lake"}), change(f"{ENCRYPTION}.b", encryption)) == []
    assert len(found(change("aws_s3_bucket.a", {"bucket": "other"}), change(f"{ENCRYPTION}.b", encryption))) == 1


def configuration(reference):
    written = {"type": ENCRYPTION, "name": "this", "expressions": {"bucket": {"references": [reference]}}}
    return {"root_module": {"module_calls": {"lake": {"module": {"resources": [written]}}}}}


def test_a_buckets_encryption_is_found_by_how_it_is_written_where_its_name_is_not_known_yet():
    changes = (
        change("module.lake.aws_s3_bucket.this", {"bucket": "lake"}),
        change(f"module.lake.{ENCRYPTION}.this", FULL[ENCRYPTION](KEY), unknown={"bucket": True}),
    )

    assert found(*changes, configuration=configuration("aws_s3_bucket.this.id")) == []
    assert len(found(*changes, configuration=configuration("aws_s3_bucket.other.id"))) == 1


@pytest.mark.parametrize("other", ['module.lake.aws_s3_bucket.this["b"]', 'module.other.aws_s3_bucket.this["a"]'])
def test_the_encryption_of_one_bucket_is_not_anothers(other):
    changes = (
        change(other, {"bucket": "other"}),
        change(f'module.lake.{ENCRYPTION}.this["a"]', FULL[ENCRYPTION](KEY), unknown={"bucket": True}),
    )

    assert len(found(*changes, configuration=configuration("aws_s3_bucket.this"))) == 1


@pytest.mark.parametrize(("kind", "field"), sorted(keys.DEFINITIONS.items()))
@pytest.mark.parametrize(("part", "member"), sorted(keys.NAMED_BY.items()))
def test_a_job_that_a_definition_starts_writes_and_keeps_under_the_key(kind, field, part, member):
    def definition(said):
        return {field: json.dumps({"Steps": [{"Name": "Train", "Arguments": {part: said}}]})}

    (finding,) = found(change(f"{kind}.this", definition({"S3OutputPath": "s3://lake"})))
    assert finding.startswith(f"{kind}.this: Steps[Train].Arguments.{part} names no {member}")
    assert found(change(f"{kind}.this", definition({member: KEY}))) == []
    assert found(change(f"{kind}.this", definition({f"{member}.$": "$.key"}))) == []
    assert found(change(f"{kind}.this", {}, unknown={field: True})) == []


def test_outputs_and_instances_of_every_kind_of_job_are_looked_at():
    assert set(keys.NAMED_BY.values()) == {"KmsKeyId", "VolumeKmsKeyId"}
    assert len(keys.NAMED_BY) == 2 * 3


def test_a_serverless_endpoint_has_no_volumes_to_encrypt_and_one_with_instances_has():
    serverless = {"production_variants": [{"serverless_config": [{"memory_size_in_mb": 2048}]}]}
    instances = {"production_variants": [{"serverless_config": [], "instance_type": "ml.c5.large"}]}
    kind = "aws_sagemaker_endpoint_configuration"

    assert said(keys.findings(plan(change(f"{kind}.this", serverless)))) == []
    assert len(said(keys.findings(plan(change(f"{kind}.this", instances))))) == 1
