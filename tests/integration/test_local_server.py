"""The local AWS starts, stops, recovers, and says in one sentence why it cannot."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError
from scoring import documents

import local
from local import lifecycle
from tests.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).resolve().parents[2]


def client(aws: local.Aws, service: str):
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=aws.region)
    return session.client(service, endpoint_url=aws.endpoint_url)


def wait_for_the_end_of(processes: list[psutil.Process]) -> None:
    def alive(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    eventually(lambda: not any(map(alive, processes)), "the end of every process")


def test_a_second_server_on_the_same_folder_is_refused_by_name(tmp_path: Path):
    with (
        local.running(tmp_path) as aws,
        pytest.raises(local.CannotStart, match=f"in use by another local AWS .process {aws.pid}, port"),
        local.running(tmp_path),
    ):
        pass


def test_two_servers_live_side_by_side(tmp_path: Path):
    with local.running(tmp_path / "a") as one, local.running(tmp_path / "b") as other:
        client(one, "ssm").put_parameter(Name="/x", Value="1", Type="String")
        assert client(other, "ssm").describe_parameters()["Parameters"] == []


def test_a_port_in_use_is_named(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(local.CannotStart, match=f"Port {port} is in use by another program"),
            local.running(tmp_path, port),
        ):
            pass


def test_a_run_that_finds_another_one_in_its_folder_leaves_it_alone(tmp_path: Path):
    state, begun, go_on = tmp_path / "state", tmp_path / "begun", tmp_path / "go_on"
    waits = f"touch {shlex.quote(str(begun))}; until [ -e {shlex.quote(str(go_on))} ]; do sleep 0.1; done"
    run = [sys.executable, "-m", "local", "run", "--fresh", "--state", str(state), "--"]
    first = subprocess.Popen([*run, "sh", "-c", waits], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        eventually(begun.exists, "the command of the first run")
        second = subprocess.run([*run, "true"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert second.stderr == (
            f"{state} is in use by another run (process {first.pid}): wait until it ends, or end it.\n"
        )
        assert lifecycle.status(state) is not None
    finally:
        go_on.touch()
        assert first.wait(PATIENCE_S) == 0


def test_a_full_disk_is_named(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shlex.join(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)])
    run = shlex.join([sys.executable, "-m", "local", "run", "--state", f"{disk}/state", "--", "true"])
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"{mount} && {run}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr == f"{disk}/state has 0 MB of free disk space; local AWS needs at least 200 MB.\n"


SPACED = """
import boto3, time
s3, glue = boto3.client("s3"), boto3.client("glue")
s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
s3.put_object(Bucket="lake", Key="job.py", Body=b'''
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(3).write.parquet("s3://lake/rows")
''')
command = {"Name": "glueetl", "ScriptLocation": "s3://lake/job.py"}
glue.create_job(Name="job", Role="arn:aws:iam::000000000000:role/r", Command=command, GlueVersion="5.1")
run = glue.start_job_run(JobName="job")["JobRunId"]
while "CompletedOn" not in (ended := glue.get_job_run(JobName="job", RunId=run)["JobRun"]):
    time.sleep(0.1)
print(ended["JobRunState"], ended.get("ErrorMessage", ""))
"""


def test_it_runs_spark_jobs_where_every_path_has_a_space(tmp_path: Path):
    checkout = tmp_path / "a check out"
    shutil.copytree(ROOT / "local", checkout / "local", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "requirements", checkout / "requirements")
    (checkout / ".venv").symlink_to(sys.prefix)
    python = str(checkout / ".venv" / "bin" / "python")
    ran = subprocess.run(
        [python, "-m", "local", "run", "--state", "a state/aws", "--", python, "-c", SPACED],
        cwd=checkout,
        timeout=PATIENCE_S,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.startswith("SUCCEEDED"), ran.stdout + ran.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(local.CannotStart, match="state cannot be written: Not a directory"):
        local.start(tmp_path / "file" / "state", port=0)


def test_it_listens_on_loopback_only_and_stops_with_all_its_children(tmp_path: Path):
    with local.running(tmp_path) as aws:
        process = psutil.Process(aws.pid)
        family = [process, *process.children(recursive=True)]
        addresses = {
            connection.laddr.ip
            for one in family
            for connection in one.net_connections()
            if connection.status == "LISTEN"
        }
        assert addresses == {"127.0.0.1"}
    wait_for_the_end_of(family)
    assert lifecycle.status(tmp_path) is None


def test_a_stopped_server_remembers_everything(tmp_path: Path):
    with local.running(tmp_path) as aws:
        client(aws, "ssm").put_parameter(Name="/x", Value="kept", Type="String")
    with local.running(tmp_path) as aws:
        assert client(aws, "ssm").get_parameter(Name="/x")["Parameter"]["Value"] == "kept"


def test_a_document_is_written_only_as_the_successor_of_what_was_read(tmp_path: Path):
    with local.running(tmp_path) as aws:
        require_conditional_writes(client(aws, "dynamodb"), "documents")


def require_conditional_writes(dynamodb, table: str) -> None:
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "problem", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "problem", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    nothing = documents.read(dynamodb, table, "fraud", {"what": "absent"})
    assert nothing == documents.Stored({"what": "absent"}, 0)
    documents.write(dynamodb, table, "fraud", {"turn": 1}, nothing, model_name="m", model_data=None)
    for stale in (nothing, documents.Stored({}, 2)):
        with pytest.raises(documents.Conflict, match="written by somebody else"):
            documents.write(dynamodb, table, "fraud", {"turn": 9}, stale)
    first = documents.read(dynamodb, table, "fraud", {})
    documents.write(dynamodb, table, "fraud", {"turn": 2}, first)
    with pytest.raises(documents.Conflict):
        documents.write(dynamodb, table, "credit", {"turn": 9}, first)  # one that is gone, or was never there

    assert documents.read(dynamodb, table, "fraud", {}) == documents.Stored({"turn": 2}, 2)


def test_a_killed_server_leaves_no_process_and_the_next_one_recovers(tmp_path: Path):
    aws = local.start(tmp_path, port=0)
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_object(Bucket="kept", Key="a/b", Body=b"content")
    # A job that would outlive everybody: nobody reads what it writes, nothing closes under it.
    s3.put_object(Bucket="kept", Key="job.py", Body=b"import time\nprint('here')\ntime.sleep(600)")
    command = {"Name": "pythonshell", "ScriptLocation": "s3://kept/job.py"}
    client(aws, "glue").create_job(Name="endless", Role="arn:aws:iam::000000000000:role/r", Command=command)
    client(aws, "glue").start_job_run(JobName="endless")
    # What it says is heard once the server has noted it as its own.
    logs = client(aws, "logs")
    eventually(lambda: logs.describe_log_groups(logGroupNamePrefix="/aws-glue/jobs/output")["logGroups"])
    family = psutil.Process(aws.pid).children(recursive=True)
    os.kill(aws.pid, signal.SIGKILL)
    assert len(family) >= 2
    wait_for_the_end_of(family)
    assert local.status(tmp_path) is None
    with local.running(tmp_path) as again:
        assert client(again, "s3").get_object(Bucket="kept", Key="a/b")["Body"].read() == b"content"


def test_a_server_that_is_killed_while_busy_has_saved_what_it_was_told(tmp_path: Path):
    aws = local.start(tmp_path, port=0)
    ssm = client(aws, "ssm")
    ssm.put_parameter(Name="/early", Value="kept", Type="String")
    saved = tmp_path / "services" / "ssm.json"
    # Never a pause between two requests, until the first one is on disk.
    eventually(lambda: ssm.describe_parameters() and saved.is_file() and "/early" in saved.read_text())
    os.kill(aws.pid, signal.SIGKILL)
    wait_for_the_end_of([psutil.Process(aws.pid)] if psutil.pid_exists(aws.pid) else [])
    with local.running(tmp_path) as again:
        assert client(again, "ssm").get_parameter(Name="/early")["Parameter"]["Value"] == "kept"


ENDLESS = (
    "SELECT count(*) FROM UNNEST(sequence(1, 1000000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 1000000)) AS b(y) "
    "WHERE x * y % 7 = 3"
)


def test_nothing_runs_for_ever_after_a_restart_and_what_had_ended_stays_so(tmp_path: Path):
    aws = local.start(tmp_path, port=0)
    s3, glue, athena = client(aws, "s3"), client(aws, "glue"), client(aws, "athena")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_object(Bucket="kept", Key="job.py", Body=b"print('done')")
    command = {"Name": "pythonshell", "ScriptLocation": "s3://kept/job.py"}
    glue.create_job(Name="job", Role="arn:aws:iam::000000000000:role/r", Command=command)
    output = {"OutputLocation": "s3://kept/results/"}

    def query() -> str:
        started = athena.start_query_execution(QueryString=ENDLESS, ResultConfiguration=output)["QueryExecutionId"]
        eventually(lambda: state(athena, started) == "RUNNING")
        return started

    def state(by, query_id: str) -> str:
        return by.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"]

    killed = query()
    saved = tmp_path / "services"
    eventually(lambda: (saved / "athena.json").is_file() and killed in (saved / "athena.json").read_text())
    run = glue.start_job_run(JobName="job")["JobRunId"]
    eventually(lambda: glue.get_job_run(JobName="job", RunId=run)["JobRun"]["JobRunState"] == "SUCCEEDED")
    os.kill(aws.pid, signal.SIGKILL)
    eventually(lambda: local.status(tmp_path) is None)

    aws = local.start(tmp_path, port=0)
    os.kill(aws.pid, signal.SIGKILL)  # before it has saved what it has read
    eventually(lambda: local.status(tmp_path) is None)

    aws = local.start(tmp_path, port=0)
    athena = client(aws, "athena")
    assert state(athena, killed) == "FAILED"
    assert client(aws, "glue").get_job_run(JobName="job", RunId=run)["JobRun"]["JobRunState"] == "SUCCEEDED"
    stopped = query()
    local.stop(tmp_path)
    with local.running(tmp_path) as aws:
        assert state(client(aws, "athena"), stopped) == "CANCELLED"


@pytest.mark.parametrize(("service", "operation"), [("batch", "describe_job_queues"), ("ecs", "list_clusters")])
def test_a_service_that_is_not_offered_says_so(aws, service: str, operation: str):
    with pytest.raises(ClientError, match=f"The service {service} is not available on this machine"):
        getattr(aws.client(service), operation)()


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/_ministack/reset", {}), ("/", {"Origin": "https://evil.example"}), ("/", {"Host": "evil.example"})],
)
def test_a_closed_door_says_so(aws, path: str, headers: dict[str, str]):
    request = urllib.request.Request(f"{aws.endpoint_url}{path}", b"Action=ListTopics", headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403
    assert "AccessDeniedException" in refused.value.read().decode()


def test_a_server_ends_with_the_process_that_runs_it(tmp_path: Path):
    code = (
        "import local, time\n"
        f"with local.running({str(tmp_path)!r}) as aws:\n    print(aws.pid, flush=True)\n    time.sleep(60)"
    )
    repository = Path(lifecycle.__file__).parents[1]
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=repository, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    server = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_for_the_end_of([server])


def test_a_profile_of_the_user_never_leaks_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    with local.running(tmp_path) as aws:
        environment = aws.environment()
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint_url


@pytest.mark.parametrize(("client", "status"), [("HashiCorp/1.0 Terraform/1.11.4", 200), ("Boto3/1.0", 400)])
def test_terraform_gets_the_first_answer_again_and_no_other_client_does(aws, client: str, status: int):
    body = json.dumps({"Name": f"/{aws.name('asked-twice')}", "Value": "v", "Type": "String"}).encode()
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/ssm/aws4_request, SignedHeaders=host, "
        "Signature=s",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonSSM.PutParameter",
        "User-Agent": client,
        "amz-sdk-invocation-id": aws.name("invocation"),
    }
    said = []
    for _ in range(2):
        try:
            with urllib.request.urlopen(urllib.request.Request(aws.endpoint_url, body, headers)) as answer:
                said.append((answer.status, answer.read()))
        except urllib.error.HTTPError as refused:
            said.append((refused.code, refused.read()))

    assert said[0][0] == 200
    assert said[1][0] == status
    assert (said[0] == said[1]) == (status == 200)
