"""Glue jobs really run, and say what went wrong."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from typing import Any

import pytest

from tools.wheels import bundled

ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")
SPARK = """
import sys
from pyspark.sql import SparkSession
import wheel_of_ours
lake = sys.argv[sys.argv.index("--lake") + 1]
spark = SparkSession.builder.getOrCreate()
spark.range(1000).selectExpr("id", "id % 2 AS part").write.partitionBy("part").parquet(f"{lake}/out/")
import boto3
keys = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=lake[5:], Prefix="out/part=")["Contents"]]
assert sys.argv[1] == "--JOB_NAME", sys.argv
rows = spark.read.parquet(lake.replace("s3://", "s3a://") + "/out/").count()
print("ROWS", rows, wheel_of_ours.ANSWER, len(keys) > 1)
raise LookupError("nothing left to do")
"""
SHELL = """
import sys, time
seconds = float(sys.argv[sys.argv.index("--seconds") + 1])
print("ARGV", sys.argv[1:])
time.sleep(seconds)
if seconds == 0:
    raise KeyError("zero")
"""


@pytest.fixture
def job(aws):
    """Make a job from a source; its name."""
    bucket = aws.bucket()
    made = []

    def make(source: str, command: str = "pythonshell", **settings: Any) -> str:
        name = aws.name("job")
        aws.client("s3").put_object(Bucket=bucket, Key=f"{name}.py", Body=source)
        script = {"Name": command, "ScriptLocation": f"s3://{bucket}/{name}.py"}
        aws.client("glue").create_job(Name=name, Role=aws.role(), Command=script, GlueVersion="5.1", **settings)
        made.append(name)
        return name

    make.bucket = bucket  # type: ignore[attr-defined]
    yield make
    for name in made:
        runs = [
            run["Id"]
            for run in aws.client("glue").get_job_runs(JobName=name)["JobRuns"]
            if run["JobRunState"] not in ENDED
        ]
        if runs:
            aws.client("glue").batch_stop_job_run(JobName=name, JobRunIds=runs)
        aws.client("glue").delete_job(JobName=name)


def run(aws, name: str, **arguments: str) -> dict:
    run_id = aws.client("glue").start_job_run(JobName=name, Arguments=arguments)["JobRunId"]

    def ended() -> dict | None:
        found = aws.client("glue").get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return found if found["JobRunState"] in ENDED else None

    return aws.wait(ended)


def test_a_spark_job_writes_to_the_s3_that_boto3_sees_and_fails_with_its_exception(aws, job):
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("wheel_of_ours/__init__.py", "ANSWER = 42")
    aws.client("s3").put_object(Bucket=job.bucket, Key="ours-1.0-py3-none-any.whl", Body=wheel.getvalue())
    modules = f"s3://{job.bucket}/ours-1.0-py3-none-any.whl"
    name = job(SPARK, "glueetl", DefaultArguments={"--additional-python-modules": modules, "--lake": "overridden"})
    ended = run(aws, name, **{"--lake": f"s3://{job.bucket}"})
    assert ended["JobRunState"] == "FAILED"
    assert ended["ErrorMessage"].startswith("LookupError: nothing left to do")
    assert ended["ExecutionTime"] >= 1
    assert "ROWS 1000 42 True" in aws.log("/aws-glue/jobs/output", logStreamNames=[ended["Id"]])


def test_a_shell_job_gets_its_arguments_and_its_failure_has_a_class(aws, job):
    name = job(SHELL, DefaultArguments={"--seconds": "9", "--kept": "yes"})
    good = run(aws, name, **{"--seconds": "0.1"})
    assert (good["JobRunState"], good.get("ErrorMessage")) == ("SUCCEEDED", None)
    said = aws.log("/aws-glue/jobs/output", logStreamNames=[good["Id"]])[0]
    assert f"'--JOB_NAME', '{name}', '--JOB_RUN_ID', '{good['Id']}'" in said
    assert "'--seconds', '0.1', '--kept', 'yes'" in said
    assert run(aws, name, **{"--seconds": "0"})["ErrorMessage"].startswith("KeyError: 'zero'")


def test_a_job_that_encrypts_its_logs_writes_to_groups_of_its_configuration_and_role(aws, job):
    glue, configuration = aws.client("glue"), aws.name("encrypted")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    glue.create_security_configuration(
        Name=configuration,
        EncryptionConfiguration={"CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": key}},
    )
    name = job(SHELL, SecurityConfiguration=configuration)
    ended = run(aws, name, **{"--seconds": "0.1"})
    role = glue.get_job(JobName=name)["Job"]["Role"].rpartition("/")[2]

    assert ended["LogGroupName"] == f"/aws-glue/jobs/{configuration}-role/{role}"
    assert any("ARGV" in line for line in aws.log(f"{ended['LogGroupName']}/output", logStreamNames=[ended["Id"]]))


def test_a_run_can_be_stopped_and_a_second_one_is_refused_while_it_lives(aws, job):
    glue = aws.client("glue")
    name = job(SHELL)
    run_id = glue.start_job_run(JobName=name, Arguments={"--seconds": "60"})["JobRunId"]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName=name)
    aws.wait(lambda: glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]["JobRunState"] == "RUNNING")
    assert glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])["Errors"] == []
    aws.wait(lambda: glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]["JobRunState"] == "STOPPED")


def test_a_run_can_be_stopped_the_moment_it_says_that_it_runs(aws, job):
    glue = aws.client("glue")
    name = job(SHELL)

    def state(run_id: str) -> str:
        return glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]["JobRunState"]

    for _ in range(4):
        run_id = glue.start_job_run(JobName=name, Arguments={"--seconds": "60"})["JobRunId"]
        while state(run_id) != "RUNNING":
            pass
        assert glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])["Errors"] == []
        aws.wait(lambda run_id=run_id: state(run_id) == "STOPPED")


def test_a_failed_run_is_tried_again_as_often_as_the_job_says(aws, job):
    name = job(SHELL, MaxRetries=1)
    first = run(aws, name, **{"--seconds": "0"})
    retried = aws.wait(
        lambda: [
            attempt
            for attempt in aws.client("glue").get_job_runs(JobName=name)["JobRuns"]
            if attempt["Attempt"] == 1 and attempt["JobRunState"] in ENDED
        ]
    )[0]
    assert (retried["PreviousRunId"], retried["JobRunState"]) == (first["Id"], "FAILED")


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("--additional-python-modules", "boto3==0.1", "asks for boto3==0.1, but boto3"),
        ("--additional-python-modules", "no_such_package_here", "which is not installed here"),
        ("--additional-python-modules", "s3://no-such-bucket/x.gluewheels.zip", "there is no object"),
        ("--extra-py-files", "s3://no-such-bucket/x.zip", "there is no object"),
        ("--extra-jars", "s3://b/x.jar", "not available on this machine"),
        ("--extra-files", "s3://no-such-bucket/x.txt", "there is no object"),
    ],
)
def test_what_cannot_be_had_fails_the_run_with_a_sentence(aws, job, argument: str, value: str, said: str):
    ended = run(aws, job(SHELL), **{argument: value, "--seconds": "0.1"})
    assert ended["JobRunState"] == "FAILED"
    assert said in ended["ErrorMessage"]


IMPORTS = """
import pathlib
import boto3, pandas, pyarrow
print("BESIDE", pathlib.Path("beside.txt").read_text())
import duckdb
"""


def test_a_job_imports_what_glue_has_and_what_it_asks_for_and_finds_its_files(aws, job):
    name = job(IMPORTS)
    aws.client("s3").put_object(Bucket=job.bucket, Key="beside.txt", Body=b"here")
    files = {"--extra-files": f"s3://{job.bucket}/beside.txt"}
    ended = run(aws, name, **files)
    assert ended["ErrorMessage"].startswith("ModuleNotFoundError: No module named 'duckdb'")
    assert "BESIDE here" in aws.log("/aws-glue/jobs/output", logStreamNames=[ended["Id"]])
    assert run(aws, name, **files, **{"--additional-python-modules": "duckdb"})["JobRunState"] == "SUCCEEDED"


def test_a_job_without_an_index_imports_what_its_archive_of_wheels_brings_and_no_more(aws, job):
    here = importlib.metadata.version("duckdb")
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"duckdb-{here}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: duckdb\nVersion: {here}\n")
    brought = bundled({"duckdb": here}, {f"duckdb-{here}-cp311-cp311-manylinux_2_28_x86_64.whl": wheel.getvalue()})
    for key, body in (("beside.txt", b"here"), ("x.gluewheels.zip", brought)):
        aws.client("s3").put_object(Bucket=job.bucket, Key=key, Body=body)
    given = {
        "--extra-files": f"s3://{job.bucket}/beside.txt",
        "--python-modules-installer-option": "--no-index",
        "--additional-python-modules": f"s3://{job.bucket}/x.gluewheels.zip",
    }
    name = job(IMPORTS)
    assert run(aws, name, **given)["JobRunState"] == "SUCCEEDED"
    given["--additional-python-modules"] += ",polars"
    assert "asks for polars, and --no-index lets pip fetch none" in run(aws, name, **given)["ErrorMessage"]
