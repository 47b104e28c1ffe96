"""What the workflows may do, and that nothing else can make them do it."""

from __future__ import annotations

import re

import pytest

from tests.delivery.workflows import FOLDER, ROOT, jobs, read

WORKFLOWS = read()
JOBS = list(jobs())
ACTIONS = {
    "actions/attest",
    "actions/checkout",
    "actions/download-artifact",
    "actions/setup-python",
    "actions/upload-artifact",
    "aws-actions/configure-aws-credentials",
    "hashicorp/setup-terraform",
    "opentofu/setup-opentofu",
}
# Every right to write, by the job that has it. A new one has to be written here, too.
WRITES = {
    "deploy/dev": {"id-token", "attestations"},
    "deploy/prod": {"id-token", "attestations"},
    "drift/look": {"id-token"},
    "drift/tell": {"issues"},
    "environment/apply": {"id-token"},
    "environment/image": {"id-token", "attestations"},
    "environment/plan": {"id-token"},
    "plan/comment": {"pull-requests"},
    "plan/plan": {"id-token"},
    "release/build": {"id-token", "attestations"},
    "release/publish": {"contents"},
}
NEWER_ONLY = {"check", "plan"}  # runs that change nothing: a newer one takes their place
EVENTS = {
    "check": {"pull_request", "merge_group"},
    "deploy": {"push"},
    "drift": {"schedule", "workflow_dispatch"},
    "environment": {"workflow_call"},
    "plan": {"pull_request"},
    "release": {"push"},
}
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):(?!=)", MAKEFILE, re.MULTILINE))


def text(workflow):
    return (FOLDER / f"{workflow}.yml").read_text()


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_is_started_by_these_events_and_no_other(workflow):
    assert set(WORKFLOWS[workflow]["on"]) == EVENTS[workflow]


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_action_is_pinned_by_its_full_commit_and_says_its_version(workflow):
    for used in re.findall(r"uses: (.+)", text(workflow)):
        pinned = re.fullmatch(r"([\w-]+/[\w-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)
        own = re.fullmatch(r"\$/\.github/workflows/([\w-]+)\.yml", used)
        assert (pinned and pinned[1] in ACTIONS) or (own and own[1] in WORKFLOWS), used


def test_one_action_has_one_commit_everywhere():
    used = {match for workflow in WORKFLOWS for match in re.findall(r"uses: ([\w-]+/[\w-]+)@(.+)", text(workflow))}

    assert len({action for action, _ in used}) == len(used)
    assert {action for action, _ in used} == ACTIONS


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_begins_with_no_right_at_all(workflow):
    assert WORKFLOWS[workflow]["permissions"] == {}


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_a_job_has_the_rights_that_it_is_known_for(job):
    assert job.writes == WRITES.get(str(job), set())
    assert {right for right, how in job.document["permissions"].items() if how == "read"} <= {"contents"}


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_a_token_for_other_systems_is_asked_for_only_where_one_is_used(job):
    signs = job.uses("actions/attest") or job.uses("aws-actions/configure-aws-credentials") or "uses" in job.document

    assert ("id-token" in job.writes) == bool(signs)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_there_are_no_secrets_that_could_leak(workflow):
    assert "secrets" not in text(workflow)


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_a_checkout_leaves_no_credentials_behind(job):
    for step in job.uses("actions/checkout"):
        assert step["with"]["persist-credentials"] == "false"


@pytest.mark.parametrize("workflow", sorted(set(WORKFLOWS) - {"environment"}))
def test_only_runs_that_change_nothing_are_broken_off(workflow):
    concurrency = WORKFLOWS[workflow]["concurrency"]

    assert concurrency["group"].split("-")[0] == workflow
    assert concurrency["cancel-in-progress"] == ("true" if workflow in NEWER_ONLY else "false")


def test_one_deployment_at_a_time():
    assert WORKFLOWS["deploy"]["concurrency"]["group"] == "deploy"
    assert WORKFLOWS["deploy"]["jobs"]["prod"]["needs"] == "dev"


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_a_step_is_one_command_of_the_platforms_own_and_takes_values_from_its_environment(job):
    for command in job.commands():
        assert "\n" not in command
        assert "${{" not in command, "a value that somebody chose would become a part of the command"
        assert re.match(r"make [a-z]+( [A-Z]+=\w+)*$|python3 -m tools\.delivery |gh release create ", command)


@pytest.mark.parametrize("job", [job for job in JOBS if "uses" not in job.document], ids=str)
def test_a_job_ends_some_day_and_runs_on_a_machine_of_one_kind(job):
    assert int(job.document["timeout-minutes"]) <= 120
    assert job.document["runs-on"] == "ubuntu-24.04"


@pytest.mark.parametrize("job", [job for job in JOBS if job.uses("aws-actions/configure-aws-credentials")], ids=str)
def test_a_role_is_taken_in_an_environment_that_may_have_it_and_is_named_by_a_variable(job):
    environment = job.document["environment"]
    environment = environment if isinstance(environment, str) else environment["name"]
    kind = re.search(r"AWS_(\w+)_ROLE", str(job.steps))[1].lower()

    assert re.fullmatch(
        r"\$\{\{ (inputs|matrix)\.environment \}\}" + ("" if kind == "apply" else f"-{kind}"), environment
    )
    for step in job.uses("aws-actions/configure-aws-credentials"):
        assert step["with"]["role-to-assume"] == f"${{{{ vars.AWS_{kind.upper()}_ROLE }}}}"
        assert step["with"]["aws-region"] == "${{ vars.AWS_REGION }}"
        assert not any("key" in name or "secret" in name for name in step["with"])


def test_a_pull_request_gets_the_role_that_reads_and_a_forks_gets_none():
    plan = WORKFLOWS["plan"]["jobs"]["plan"]

    assert plan["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert {name for name in re.findall(r"vars\.(AWS_\w+_ROLE)", text("plan"))} == {"AWS_PLAN_ROLE"}
    assert "vars." not in text("check")


def test_the_job_that_may_write_to_a_pull_request_has_no_role_and_runs_nothing_but_the_comment():
    comment = next(job for job in JOBS if str(job) == "plan/comment")

    assert comment.commands() == ['python3 -m tools.delivery comment "$PULL_REQUEST"']


def test_what_is_applied_is_the_plan_that_was_agreed_to():
    apply = next(job for job in JOBS if str(job) == "environment/apply")
    plan = next(job for job in JOBS if str(job) == "environment/plan")
    (upload,), (download,) = plan.uses("actions/upload-artifact"), apply.uses("actions/download-artifact")

    assert set(apply.document["needs"]) == {"image", "plan"}
    assert upload["with"]["name"] == download["with"]["name"]
    assert upload["with"]["path"].split() == ["build/package", "build/terraform/${{", "inputs.environment", "}}/plans"]
    assert download["with"]["path"] == "build"
    assert apply.commands() == ["make deploy PLANNED=1", "make verify"]


def test_images_go_on_by_digest_and_say_where_they_came_from():
    image = next(job for job in JOBS if str(job) == "environment/image")
    (attest,) = image.uses("actions/attest")

    assert attest["with"] == {
        "subject-name": "${{ steps.image.outputs.name }}",
        "subject-digest": "${{ steps.image.outputs.digest }}",
    }
    for name in ("plan", "apply"):
        assert WORKFLOWS["environment"]["jobs"][name]["env"]["IMAGE"] == "${{ needs.image.outputs.image }}"


def test_the_lowest_terraform_that_is_tried_is_the_lowest_that_is_allowed():
    (lowest,) = {
        match
        for path in (ROOT / "terraform").rglob("versions.tf")
        for match in re.findall(r'required_version = ">= (\d+\.\d+)', path.read_text())
    }
    tried = WORKFLOWS["check"]["jobs"]["terraform"]["strategy"]["matrix"]["version"]

    assert min(tried, key=numbers).startswith(f"{lowest}.")
    assert len(set(tried)) == 2
    assert len(WORKFLOWS["check"]["jobs"]["opentofu"]["strategy"]["matrix"]["version"]) == 2


def test_one_terraform_does_everything_else():
    versions = {step["with"]["terraform_version"] for job in JOBS for step in job.uses("hashicorp/setup-terraform")} - {
        "${{ matrix.version }}"
    }

    assert len(versions) == 1


def test_localstack_is_the_one_of_docker_compose():
    image = WORKFLOWS["check"]["jobs"]["localstack"]["services"]["localstack"]["image"]

    assert image.split("@")[0] in (ROOT / "docker-compose.yml").read_text()
    assert re.search(r"@sha256:[0-9a-f]{64}$", image)


WANTED = {word for job in JOBS for command in job.commands() for word in re.findall(r"^make ([a-z-]+)", command)}


@pytest.mark.parametrize("target", sorted(WANTED))
def test_every_target_that_a_step_makes_exists(target):
    assert target in TARGETS


def numbers(version):
    return tuple(int(part) for part in version.split("."))
