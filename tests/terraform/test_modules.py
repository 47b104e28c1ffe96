"""The Terraform is formatted and valid, every module builds what it says and refuses what it must, and asks for no more
rights than it needs.

Runs on a copy: Terraform writes beside what it reads.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.terraform import stacks as terraform
from tools.terraform.teardown import PROTECTED

SOURCE = terraform.ROOT / "terraform"
STACKS = terraform.STACKS
MODULES = sorted(folder.name for folder in (SOURCE / "modules").iterdir())
MOST_VARIABLES = 10
MOST_SETTINGS = 14  # of a stack, with the six that every stack is told
PLATFORMS = 4  # Linux and macOS, each on Intel and ARM

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a test makes it must destroy again, so nothing is protected here."""
    made = shutil.copytree(
        SOURCE, tmp_path_factory.mktemp("terraform") / "terraform", ignore=shutil.ignore_patterns(".terraform")
    )
    for file in made.rglob("*.tf"):
        file.write_text(PROTECTED.sub(r"\1false", file.read_text()))
    return made


@pytest.fixture(scope="session")
def run(copy: Path) -> Run:
    """Runs Terraform in a folder of the copy, with data of its own and no account."""

    def terraform_run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        data = copy.parent / "data" / folder.relative_to(copy.parent)
        own = {"TF_DATA_DIR": str(data), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        own["GOGC"] = "400"  # it reads the provider's whole schema for each module: collecting less saves a third
        return subprocess.run(
            ["terraform", f"-chdir={folder}", *arguments],
            env=kept | own | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    return terraform_run


@pytest.fixture(scope="session")
def stacks(copy: Path, run: Run) -> dict[str, Path]:
    """The stacks with the locked provider."""
    found = terraform.mirror()
    plugins = [f"-plugin-dir={found}"] if found else []
    folders = {stack: copy / stack for stack in STACKS}
    for folder in folders.values():
        done = run(folder, "init", "-backend=false", "-input=false", "-lockfile=readonly", "-no-color", *plugins)
        assert done.returncode == 0, done.stdout
    return folders


@pytest.fixture(scope="session")
def provider(stacks: dict[str, Path], copy: Path) -> str:
    """A CLI configuration that takes the stack's provider as it lies there: a module needs no `init` and no lock."""
    installed = copy.parent / "data" / copy.name / "platform" / "providers" / terraform.PROVIDER
    (platform,) = installed.glob("*/*")
    configuration = copy.parent / "provider.tfrc"
    configuration.write_text(
        f'provider_installation {{\n  dev_overrides {{\n    "hashicorp/aws" = "{platform.resolve()}"\n  }}\n'
        "  direct {}\n}\n"
    )
    return str(configuration)


@pytest.fixture(scope="session")
def reports(
    request: pytest.FixtureRequest, run: Run, copy: Path, provider: str
) -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """What `terraform test` says of each module that was asked for. They run side by side: each costs seconds."""

    def report(module: str) -> subprocess.CompletedProcess[str]:
        if module in STACKS:
            return run(copy / module, "test", "-no-color", TF_CLI_CONFIG_FILE=provider)
        folder = copy / "modules" / module
        run(folder, "get", TF_CLI_CONFIG_FILE=provider)
        return run(folder, "test", "-no-color", TF_CLI_CONFIG_FILE=provider)

    wanted = dict.fromkeys(
        item.callspec.params["module"]
        for item in request.session.items
        if "reports" in getattr(item, "fixturenames", ()) and hasattr(item, "callspec")
    )
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {module: pool.submit(report, module) for module in wanted}


def blocks(kind: str, text: str) -> dict[str, str]:
    """The top-level blocks of a kind by name."""
    return dict(re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.DOTALL | re.MULTILINE))


def texts(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))


def statements(text: str) -> list[str]:
    """The statements of every IAM policy document."""
    return re.findall(r"^  statement {\n(.*?)^  }", text, re.DOTALL | re.MULTILINE)


def test_every_file_is_formatted():
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", str(SOURCE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_is_valid(stack, stacks, run):
    done = run(stacks[stack], "validate", "-no-color")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", [*STACKS, *MODULES])
def test_a_module_builds_what_it_says_and_refuses_what_it_must(module, reports):
    done = reports[module].result()
    assert done.returncode == 0, done.stdout
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", done.stdout), done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_a_module_needs_the_platforms_version_and_has_both_kinds_of_tests(module):
    folder = SOURCE / "modules" / module
    needed = re.compile(r'required_version = ">= [\d.]+"')
    wanted = needed.findall((SOURCE / "platform" / "versions.tf").read_text())
    assert needed.findall((folder / "versions.tf").read_text()) == wanted
    assert {path.name for path in (folder / "tests").glob("*.hcl")} == {"unit.tftest.hcl", "contract.tftest.hcl"}


@pytest.mark.parametrize("folder", [*STACKS, *(f"modules/{module}" for module in MODULES)])
def test_every_variable_says_what_it_is_of_what_type_and_whether_it_may_be_null(folder):
    variables = blocks("variable", (SOURCE / folder / "variables.tf").read_text())
    for name, body in variables.items():
        for needed in ("description", "type", "nullable"):
            assert re.search(rf"^  {needed}\s+= ", body, re.MULTILINE), f"{folder}: {name} has no {needed}"
    assert list(variables) == sorted(variables)
    assert len(variables) <= (MOST_SETTINGS if folder in STACKS else MOST_VARIABLES)
    for name, body in blocks("output", texts(SOURCE / folder)).items():
        assert "description" in body, f"{folder}: output {name} has no description"


@pytest.mark.parametrize("folder", [*STACKS, *(f"modules/{module}" for module in MODULES)])
def test_every_validation_has_a_run_that_trips_it(folder):
    contract = (SOURCE / folder / "tests" / "contract.tftest.hcl").read_text()
    for name, body in blocks("variable", (SOURCE / folder / "variables.tf").read_text()).items():
        refusals = contract.count(f"expect_failures = [var.{name}]")
        assert refusals >= body.count("  validation {"), f"{folder}: {name} is refused {refusals} times only"


@pytest.mark.parametrize("module", MODULES)
def test_no_role_may_do_everything(module):
    for statement in statements(texts(SOURCE / "modules" / module)):
        assert not re.search(r'actions\s+= \["\*"\]', statement), statement
        if re.search(r'resources\s+= \["\*"\]', statement):
            # A key's own policy, what is bound by a condition, and a registry's token, which knows no resources.
            bound = "principals {" in statement or "condition {" in statement
            assert bound or '["ecr:GetAuthorizationToken"]' in statement, statement


@pytest.mark.parametrize("module", MODULES)
def test_a_role_is_passed_to_one_named_service_only(module):
    for statement in re.findall(r'{[^{}]*"iam:PassRole"[^{}]*(?:{[^{}]*}[^{}]*)?}', texts(SOURCE / "modules" / module)):
        assert "iam:PassedToService" in statement, statement


@pytest.mark.parametrize("folder", [*STACKS, *(f"modules/{name}" for name in MODULES)])
def test_a_boundary_is_handed_on_to_every_role(folder):
    """A plan shows it for the environments that are kept; this names the call that leaves it out."""
    text = texts(SOURCE / folder)
    bounded = {name for name in MODULES if 'variable "boundary_arn"' in texts(SOURCE / "modules" / name)}
    calls = {name: body for name, body in blocks("module", text).items() if called(body) in bounded}
    assert [name for name, body in calls.items() if "boundary_arn" not in body] == []
    roles = re.findall(r'^resource "aws_iam_role" "\w+" {\n(.*?)^}', text, re.DOTALL | re.MULTILINE)
    assert [role for role in roles if not re.search(r"permissions_boundary += var.boundary_arn", role)] == []
    if folder == "platform":
        assert "boundary_arn" in re.search(r"^  functions = {\n(.*?)^  }", text, re.DOTALL | re.MULTILINE)[1]


def test_the_network_is_handed_on_to_everything_that_can_stand_in_one():
    """With one, the values of a plan are known only after the apply; this names the call that leaves it out."""
    takes = {name for name in MODULES if re.search(r"subnet_ids = list\(string\)", texts(SOURCE / "modules" / name))}
    text = texts(SOURCE / "platform")
    calls = {name: body for name, body in blocks("module", text).items() if called(body) in takes}
    hands = re.compile(r"local\.(network|runs_on|functions)\b")
    assert {called(body) for body in calls.values()} == takes - {"function"}  # which those modules call
    # A serverless endpoint takes none (SECURITY.md).
    assert [name for name, body in calls.items() if not hands.search(body)] == ["loan_endpoint"]
    shared = re.search(r"^  functions = {\n(.*?)^  }", text, re.DOTALL | re.MULTILINE)[1]
    assert re.search(r"network += local.network", shared)
    assert re.search(r"runs_on = {.*network = local.network }", text)


def called(block: str) -> str:
    """The module that a block calls."""
    return re.search(r'source += "[./a-z]*/(\w+)"', block)[1]


@pytest.mark.parametrize("module", MODULES)
def test_an_arn_names_the_partition_that_it_is_in(module):
    written = [
        line
        for line in texts(SOURCE / "modules" / module).splitlines()
        # `arn:aws:states:::` names an integration of Step Functions, the same everywhere; 000000000000 a placeholder.
        if "arn:aws:" in line
        and "arn:aws:states:::" not in line
        and "000000000000" not in line
        and "error_" not in line
    ]
    assert written == []


def test_all_stacks_lock_one_provider_for_every_platform_and_say_nothing_of_where_it_came_from():
    locks = [(SOURCE / folder / ".terraform.lock.hcl").read_text() for folder in STACKS]
    assert len(set(locks)) == 1
    assert len(re.findall(r'"h1:', locks[0])) >= PLATFORMS
    assert len(re.findall(r'"zh:', locks[0])) >= PLATFORMS
    assert "://" not in locks[0]
    assert not list(SOURCE.glob("modules/**/.terraform*"))
