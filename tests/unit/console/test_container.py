"""What the console's container holds is what its pages use."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tools.operate import image
from tools.operate.image import CONSOLE, ML, ROOMS, version

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / CONSOLE.file).read_text()
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
OURS = {
    folder.name
    for folder in ROOT.iterdir()
    if folder.is_dir() and not folder.name.startswith(".") and any(folder.rglob("*.py"))
}


def found(module: str) -> Path | None:
    """The file of a module of ours."""
    parts = module.split(".")
    for base in (ROOT, ROOT / "lambda"):
        for path in (base.joinpath(*parts).with_suffix(".py"), base.joinpath(*parts, "__init__.py")):
            if path.is_file():
                return path
    return None


def imported(path: Path) -> set[str]:
    """Modules that a file imports when it is imported itself, and names that may be modules."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def rooms() -> set[str]:
    """Rooms of all modules that the container's program leads to."""
    waiting = [ROOT / "console" / "served.py", ROOT / "console" / "main.py"]
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        waiting += [there for name in imported(path) if (there := found(name))]
    return {path.relative_to(ROOT).parts[0] for path in seen}


def test_the_container_holds_the_rooms_that_its_pages_lead_to_and_no_other():
    assert rooms() == set(ROOMS)
    assert set(re.findall(r"^COPY (\w+)/ \1/$", DOCKERFILE, re.MULTILINE)) == set(ROOMS)
    assert set(ROOMS) < OURS


def test_the_two_locks_of_the_container_pin_one_version_of_each_package():
    ml, console = (dict(PIN.findall((ROOT / "requirements" / f"{name}.txt").read_text())) for name in ("ml", "console"))
    assert ml.keys() & console.keys()
    assert {name: (ml[name], console[name]) for name in ml.keys() & console.keys() if ml[name] != console[name]} == {}


def test_the_container_runs_as_nobody_and_starts_the_console_that_asks_who_it_is():
    assert re.search(r"^USER 1000:1000$", DOCKERFILE, re.MULTILINE)
    assert 'VOLUME ["/tmp"]' in DOCKERFILE, "or nobody but root could write to it"
    assert 'CMD ["python", "-m", "console.served"]' in DOCKERFILE


def test_an_image_is_named_by_what_it_is_made_of(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "ROOT", tmp_path)
    for name in CONSOLE.inputs:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    first = version(CONSOLE)
    (tmp_path / "console").write_text("two")

    assert version(CONSOLE) != first
    assert version(ML) != version(CONSOLE)
