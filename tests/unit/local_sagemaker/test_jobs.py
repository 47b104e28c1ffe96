"""Jobs without containers: places, stops, ends."""

from __future__ import annotations

import threading

import pytest

from local.sagemaker import images
from local.sagemaker.context import Context
from local.sagemaker.jobs.lifecycle import JobFailed, Jobs, Places
from local.sagemaker.surroundings import Surroundings
from tests.waiting import eventually


class Patient(Jobs):
    """Jobs that run until the test lets them end."""

    kind = "Processing"

    def __init__(self, context, places) -> None:
        self.running: set[str] = set()
        self.may_end = threading.Event()
        super().__init__(context, places)

    def run(self, document, stop):
        name = document["ProcessingJobName"]
        self.running.add(name)
        eventually(lambda: stop.requested or self.may_end.is_set())
        self.running.discard(name)
        stop.check()
        return {}


@pytest.fixture
def jobs(context):
    places = Places(2)
    made = Patient(context, places)
    yield made
    made.may_end.set()
    places.close()


def create(jobs, *names):
    for name in names:
        jobs.create({"ProcessingJobName": name})


def status(jobs, name):
    return jobs.find(name)["ProcessingJobStatus"]


def test_two_jobs_run_at_once_and_the_third_waits(jobs):
    create(jobs, "one", "two", "three")
    eventually(lambda: jobs.running == {"one", "two"})
    assert "ProcessingStartTime" not in jobs.find("three")
    jobs.may_end.set()

    eventually(lambda: {status(jobs, name) for name in ("one", "two", "three")} == {"Completed"})
    assert jobs.find("three")["ProcessingStartTime"] >= min(jobs.find(n)["ProcessingEndTime"] for n in ("one", "two"))


def test_a_job_that_waits_for_a_place_stops_at_once_and_never_runs(jobs):
    create(jobs, "busy-1", "busy-2", "waiting")
    eventually(lambda: len(jobs.running) == 2)
    jobs.stop({"ProcessingJobName": "waiting"})

    assert status(jobs, "waiting") == "Stopped"
    jobs.stop({"ProcessingJobName": "busy-1"})
    eventually(lambda: status(jobs, "busy-1") == "Stopped")
    assert "ProcessingStartTime" not in jobs.find("waiting")


def test_a_listed_job_that_has_started_has_the_members_of_a_summary_only(jobs):
    create(jobs, "listed")
    eventually(lambda: "listed" in jobs.running)

    (summary,) = jobs.list({})["ProcessingJobSummaries"]
    assert summary["ProcessingJobStatus"] == "InProgress"
    assert "ProcessingStartTime" not in summary


def test_a_job_that_breaks_in_an_unforeseen_way_has_failed(context):
    class Broken(Patient):
        def run(self, document, stop):
            if document["ProcessingJobName"] == "known":
                raise JobFailed("its own fault")
            raise KeyError("nobody thought of it")

    places = Places(1)
    jobs = Broken(context, places)
    create(jobs, "known", "unknown")
    reasons = [
        eventually(lambda name=name: jobs.find(name).get("FailureReason"), name) for name in ("known", "unknown")
    ]
    places.close()

    assert reasons == ["its own fault", "InternalServerError: KeyError('nobody thought of it')"]


def test_what_an_earlier_run_left_in_progress_has_failed(context):
    table = context.store.table("Processing")
    for name, state in (("cut-off", "InProgress"), ("stopping", "Stopping"), ("done", "Completed")):
        table.put(name, {"ProcessingJobName": name, "ProcessingJobArn": f"arn:{name}", "ProcessingJobStatus": state})
    jobs = Patient(context, None)

    assert [status(jobs, name) for name in ("cut-off", "stopping", "done")] == ["Failed", "Failed", "Completed"]
    assert jobs.find("cut-off")["FailureReason"] == "InternalServerError: the local AWS ended meanwhile."


def test_an_image_of_another_kind_cannot_be_pulled():
    with pytest.raises(images.ImageUnavailable, match=r"Cannot pull image docker\.io/library/spark:4"):
        images.command("docker.io/library/spark:4", None, None, "process", Surroundings())


def test_a_job_asks_for_its_keys_in_the_name_of_its_role_and_fails_where_that_may_not_use_them(settings):
    asked: list[tuple[str, ...]] = []

    def encrypts(*said: str) -> None:
        asked.append(said)
        if said[-1] == "forbidden":
            raise PermissionError("User: x is not authorized")

    context, places = Context(settings, Surroundings(encrypts=encrypts)), Places(2)
    jobs = Patient(context, places)
    jobs.may_end.set()
    try:
        for name, output in (("one", "ours"), ("two", "forbidden")):
            cluster = {"ClusterConfig": {"VolumeKmsKeyId": "ours"}}
            outputs = {"Outputs": [], "KmsKeyId": output}
            jobs.create(
                {
                    "ProcessingJobName": name,
                    "RoleArn": "role",
                    "ProcessingResources": cluster,
                    "ProcessingOutputConfig": outputs,
                }
            )
            eventually(lambda name=name: status(jobs, name) in ("Completed", "Failed"))

        assert asked[:2] == [("role", "kms:CreateGrant", "ours"), ("role", "kms:Encrypt", "ours")]
        assert status(jobs, "one") == "Completed"
        assert "User: x is not authorized" in jobs.find("two")["FailureReason"]
    finally:
        context.closing.set()
        places.close()
        context.close()
