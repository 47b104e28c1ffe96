"""The local AWS starts, stops, recovers, and says in one sentence why it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import psutil
import pytest

import local
from local import lifecycle
from tests.integration.sagemaker_scene import until


def client(aws: local.Aws, service: str):
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=aws.region)
    return session.client(service, endpoint_url=aws.endpoint_url)


def ended(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=5)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


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
    assert ended(family)
    assert lifecycle.status(tmp_path) is None


def test_a_stopped_server_remembers_everything(tmp_path: Path):
    with local.running(tmp_path) as aws:
        client(aws, "ssm").put_parameter(Name="/x", Value="kept", Type="String")
    with local.running(tmp_path) as aws:
        assert client(aws, "ssm").get_parameter(Name="/x")["Parameter"]["Value"] == "kept"


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
    until(lambda: logs.describe_log_groups(logGroupNamePrefix="/aws-glue/jobs/output")["logGroups"])
    family = psutil.Process(aws.pid).children(recursive=True)
    os.kill(aws.pid, signal.SIGKILL)
    assert len(family) >= 2
    assert ended(family)
    assert local.status(tmp_path) is None
    with local.running(tmp_path) as again:
        assert client(again, "s3").get_object(Bucket="kept", Key="a/b")["Body"].read() == b"content"


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
    assert ended([server])


def test_a_profile_of_the_user_never_leaks_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    with local.running(tmp_path) as aws:
        environment = aws.environment()
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint_url


def test_it_starts_within_five_seconds(tmp_path: Path):
    started = time.monotonic()
    with local.running(tmp_path):
        assert time.monotonic() - started < 5


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
